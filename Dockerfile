# docker build -t curate .
# docker run --rm -it -v curate:/data -v "$PWD/photos:/photos:ro" curate audit /photos --no-app
# docker run --rm -it -v curate:/data -v "$PWD/photos:/photos:ro" -p 127.0.0.1:5151:5151 curate review photos --address 0.0.0.0 --expose
# The last prints one link; it opens in a browser of this machine. --gpus all lets either use the GPU.
FROM python:3.12-slim-bookworm

# mongod needs libcurl4; torch computes on its threads by libgomp, which its wheel brings.
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends libcurl4 && rm -rf /var/lib/apt/lists/*

WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY curate curate
RUN pip install --no-cache-dir '.[app]' && curate doctor --fix

# Everything that lasts: runs and downloads, and FiftyOne's database. The App's link calls this machine localhost, as the browser outside does.
ENV CURATE_DATA=/data/curate FIFTYONE_DATABASE_DIR=/data/mongo HOME=/data CURATE_LINK_HOST=localhost
RUN useradd --uid 1000 curate && mkdir /data && chown curate /data
USER curate
VOLUME /data
WORKDIR /data
EXPOSE 5151
ENTRYPOINT ["curate"]
CMD ["doctor"]
