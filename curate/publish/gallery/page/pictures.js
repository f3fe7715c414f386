// Pictures: tiles of sheets, drawn on canvases when their sheet is there.
const MAX_SHEETS = 60;
const perSheet = D.sheet.columns ** 2;
const sheets = new Map(); // the last used at the end
const sheetOf = (i) => {
  const key = Math.floor(i / perSheet);
  const sheet = sheets.get(key) || { image: Object.assign(new Image(), { src: `images/${key}${D.sheet.suffix}` }) };
  sheets.delete(key);
  sheets.set(key, sheet);
  sheet.ready ||= sheet.image.decode();
  if (sheets.size > MAX_SHEETS) sheets.delete(sheets.keys().next().value);
  return sheet;
};
const draw = (canvas, i) => {
  const { width, height, columns } = D.sheet;
  Object.assign(canvas, { width, height });
  canvas.dataset.card = i;
  const sheet = sheetOf(i);
  const tile = i % perSheet;
  const paint = () => {
    if (Number(canvas.dataset.card) !== i) return;
    canvas.getContext("2d").drawImage(sheet.image, (tile % columns) * width, Math.floor(tile / columns) * height, width, height, 0, 0, width, height);
  };
  if (sheet.image.complete && sheet.image.naturalWidth) paint();
  else sheet.ready.then(paint, () => {}); // a sheet that is gone leaves its cards grey
};
