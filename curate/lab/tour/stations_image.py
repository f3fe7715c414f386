"""The first half of the tour: an image as numbers, kernels on it, how they walk, a layer as one product, pooling."""

from curate.lab.layers import conv_layers
from curate.lab.pooling import pooling_figure
from curate.lab.tour.drawings import borders_figure, kernels_figure, numbers_figure, walks_figure
from curate.lab.tour.products import layer_product_figure, small_product_figure
from curate.lab.tour.section import Section, picture
from curate.lab.tour.subject import Subject


def numbers(subject: Subject) -> Section:
    height, width = subject.image.shape
    return Section(
        "numbers",
        "An image is a table of numbers",
        "Numbers",
        f"A network never sees a digit. It gets {height} × {width} = {height * width:,} numbers, one for the brightness of each pixel, "
        "and all that it does with them is to multiply, to add and to compare.",
        (picture(numbers_figure(subject.image), f"{subject.sample_id}, and the numbers inside the orange frame."),),
        f"curate explain conv {subject.source} --kernel identity",
    )


def kernels(subject: Subject) -> Section:
    return Section(
        "kernels",
        "A kernel is a small table of numbers, too",
        "Kernels",
        "Lay nine numbers on nine pixels, multiply each pair, add up: that is one pixel of the result. Slide on by a pixel and do it "
        "again. Which nine numbers you take decides what you get: a blur, a sharper image, or only its edges.",
        (
            picture(
                kernels_figure(subject.image),
                "Eight kernels, and below each what it makes of the image. Kernels that add up to more than 0 give an image again. The "
                "others give answers with a sign: red above 0, blue below, white where nothing changes.",
            ),
        ),
        f"curate explain conv {subject.source} --kernel sobel-vertical --padding zeros",
    )


def walks(subject: Subject) -> Section:
    return Section(
        "walks",
        "Padding, stride, dilation: how the kernel walks",
        "Walks",
        "At the border a kernel would hang over the edge. Either it stays inside, and the result is smaller, or something is put around "
        "the image. A stride leaves places out; a dilation pulls the kernel apart, so that it sees further with as few numbers.",
        (
            picture(
                borders_figure(subject.image),
                "Four kinds of padding around the part that you know from above; the frame is where the image really ends.",
            ),
            picture(
                walks_figure(subject.image),
                "Above, a 3 × 3 kernel on 7 × 7 pixels: blue its first place, orange its second, and how many places there are along a "
                "side. Below, the same with the kernel of upright edges on the whole image.",
            ),
        ),
        f"curate explain conv {subject.source} --kernel sobel-vertical --stride 2 --dilation 2 --padding reflect",
    )


def product(subject: Subject) -> Section:
    net = subject.judge.net
    name, layer = next(iter(conv_layers(net).items()))
    drawn, difference = layer_product_figure(net, subject.x, layer, name)
    rows, places = int(layer.weight[0].numel()), subject.image.size
    return Section(
        "product",
        "Convolution is one matrix product",
        "One product",
        "Write what the kernel covers at each place as a column. Then one row of numbers times that table is the whole convolution, and "
        f"{len(layer.weight)} kernels are {len(layer.weight)} rows. Computers multiply matrices very fast; this is why CNNs could grow.",
        (
            picture(
                small_product_figure(subject.image),
                "A small one to check in your head: pixels rounded to 0 … 9, a kernel of 2 × 2. Blue is the first place, orange the last.",
            ),
            picture(
                drawn,
                f"The whole first layer of the trained net for the whole image: {rows} numbers in each of {places:,} columns. The largest "
                f"difference from what torch's own convolution says is {_plain(difference)}, which is rounding.",
            ),
        ),
        f"curate explain maps {subject.run} {subject.sample_id} --layer {name}",
    )


def pooling(subject: Subject) -> Section:
    return Section(
        "pooling",
        "Pooling keeps the gist",
        "Pooling",
        "Cut the image into windows of 2 × 2 and keep one number of each. The maximum says that something is there, the mean how much of "
        "it. The image has a quarter of the pixels afterwards, and what comes next sees twice as far.",
        (
            picture(
                pooling_figure(subject.image[None]),
                "Three ways to pool, and below each what it would keep of the image if the window were all of it.",
            ),
        ),
        f"curate explain pool {subject.source} --size 4",
    )


SECTIONS = (numbers, kernels, walks, product, pooling)


def _plain(value: float) -> str:
    """A tiny number as people write it: `0.0000019`."""
    return f"{value:.7f}".rstrip("0") if value >= 1e-7 else "less than 0.0000001"
