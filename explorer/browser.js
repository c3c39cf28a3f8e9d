// What runs in the browser: clicks and keys within our own HTML, the address, the download, large pictures.
// Each function is called by a gr.HTML's `js_on_load`, but for the last. name: of the event that Python listens to.

// A click on a sample takes it.
function thumbs(element, trigger, name) {
  element.addEventListener('click', (event) => {
    const thumb = event.target.closest('[data-number]');
    if (thumb) trigger(name, {number: Number(thumb.dataset.number)});
  });
}

// The sample that is looked at is marked, without all of them being sent again.
function mark(props, watch) {
  watch('value', () => {
    for (const thumb of document.querySelectorAll('[data-number]'))
      thumb.setAttribute('aria-pressed', thumb.dataset.number === props.value);
  });
}

// A click on one of the five bars takes its class.
function rows(element, trigger, name) {
  element.addEventListener('click', (event) => {
    const row = event.target.closest('[data-row]');
    if (row) trigger(name, {row: Number(row.dataset.row)});
  });
}

// A tile is a channel, of a layer.
function channels(element, trigger, name) {
  element.addEventListener('click', (event) => {
    const tile = event.target.closest('[data-channel]');
    if (tile) trigger(name, {layer: tile.dataset.layer, channel: Number(tile.dataset.channel)});
  });
}

// A place of a layer is clicked, or walked to with the arrow keys.
function places(element, trigger, name, watch) {
  let at = null; // where the arrow keys have walked to: the picture follows later
  const ask = (row, column) => trigger(name, {row, column, asked: performance.now()});
  watch('value', () => { if (at) element.querySelector('.x-places')?.focus(); });
  element.addEventListener('focusout', (event) => { if (event.relatedTarget) at = null; });
  element.addEventListener('click', (event) => {
    const box = event.target.closest('.x-places');
    if (!box) return;
    at = null;
    const edge = box.getBoundingClientRect(), rows = Number(box.dataset.rows), columns = Number(box.dataset.columns);
    const cell = (p, count) => Math.min(count - 1, Math.max(0, Math.floor(p * count)));
    const row = cell((event.clientY - edge.top) / edge.height, rows);
    ask(row, cell((event.clientX - edge.left) / edge.width, columns));
  });
  element.addEventListener('keydown', (event) => {
    const box = event.target.closest('.x-places');
    const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0]}[event.key];
    if (!box || !step) return;
    event.preventDefault();
    const [row, column] = at || box.dataset.at.split(',').map(Number);
    const within = (i, count) => Math.min(count - 1, Math.max(0, i));
    at = [within(row + step[0], Number(box.dataset.rows)), within(column + step[1], Number(box.dataset.columns))];
    ask(...at);
  });
}

// The address of the page always brings back what it shows.
function address(props, watch) {
  watch('value', () => { if (props.value) history.replaceState(null, '', props.value); });
}

// What is saved comes as a name and base64; it goes from the page straight into the browser's downloads.
function download(props, watch) {
  watch('value', () => {
    const [name, data] = (props.value || '').split('|');
    if (!data) return;
    const link = document.createElement('a');
    link.href = 'data:application/zip;base64,' + data;
    link.download = name;
    link.click();
  });
}

// A click on a picture, or Enter, opens it large; another click, or Escape, closes it.
function enlarge(event) {
  const picture = event.target.closest?.('img[data-large]');
  if (!picture || (event.type === 'keydown' && event.key !== 'Enter')) return;
  event.preventDefault();
  const dialog = document.createElement('dialog');
  dialog.className = 'x-large';
  dialog.append(Object.assign(new Image(), {src: picture.src, alt: picture.alt}));
  dialog.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => { dialog.remove(); picture.focus(); });
  document.body.append(dialog);
  dialog.showModal();
}
for (const kind of ['click', 'keydown']) document.addEventListener(kind, enlarge);
