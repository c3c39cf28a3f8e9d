"""What runs in the browser: clicks and keys within our own HTML, the address, the download. All of it is here."""

HEAD = '<meta name="color-scheme" content="light dark"><meta name="referrer" content="no-referrer">'

# A click on a sample takes it. (Names in quotes are the events that Python listens to.)
THUMBS = """
element.addEventListener('click', (event) => {
  const thumb = event.target.closest('[data-number]');
  if (thumb) trigger('pick', {number: Number(thumb.dataset.number)});
});
"""

# The sample that is looked at is marked, without all of them being sent again.
MARK = """
watch('value', () => {
  for (const thumb of document.querySelectorAll('[data-number]'))
    thumb.setAttribute('aria-pressed', thumb.dataset.number === props.value);
});
"""

# A click on one of the five bars takes its class.
ROWS = """
element.addEventListener('click', (event) => {
  const row = event.target.closest('[data-row]');
  if (row) trigger('row', {row: Number(row.dataset.row)});
});
"""

# A place of a layer is clicked, or walked to with the arrow keys; so is a channel's tile.
PLACES = """
let at = null;  // where the arrow keys have walked to: the picture follows later
const ask = (box, row, column) => trigger('place', {row, column});
watch('value', () => { if (at) element.querySelector('.x-places')?.focus(); });
element.addEventListener('focusout', (event) => { if (event.relatedTarget) at = null; });
element.addEventListener('click', (event) => {
  const tile = event.target.closest('[data-channel]');
  if (tile) return trigger('channel', {channel: Number(tile.dataset.channel)});
  const box = event.target.closest('.x-places');
  if (!box) return;
  at = null;
  const edge = box.getBoundingClientRect(), rows = Number(box.dataset.rows), columns = Number(box.dataset.columns);
  const cell = (p, count) => Math.min(count - 1, Math.max(0, Math.floor(p * count)));
  const row = cell((event.clientY - edge.top) / edge.height, rows);
  ask(box, row, cell((event.clientX - edge.left) / edge.width, columns));
});
element.addEventListener('keydown', (event) => {
  const box = event.target.closest('.x-places');
  const step = {ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1], Enter: [0, 0]}[event.key];
  if (!box || !step) return;
  event.preventDefault();
  const [row, column] = at || box.dataset.at.split(',').map(Number);
  const within = (i, count) => Math.min(count - 1, Math.max(0, i));
  const to = [within(row + step[0], Number(box.dataset.rows)), within(column + step[1], Number(box.dataset.columns))];
  at = to;
  ask(box, ...to);
});
"""

# A tile of the view "Inside" names its layer and its channel.
CHANNELS = """
element.addEventListener('click', (event) => {
  const tile = event.target.closest('[data-channel]');
  if (tile) trigger('channel', {layer: tile.dataset.layer, channel: Number(tile.dataset.channel)});
});
"""

# The address of the page always brings back what it shows.
ADDRESS = "watch('value', () => { if (props.value) history.replaceState(null, '', props.value); });"

COPY = "() => { navigator.clipboard?.writeText(location.href); }"

# What is saved comes as a name and base64; it goes from the page straight into the browser's downloads.
DOWNLOAD = """
watch('value', () => {
  const [name, data] = (props.value || '').split('|');
  if (!data) return;
  const link = document.createElement('a');
  link.href = 'data:application/zip;base64,' + data;
  link.download = name;
  link.click();
});
"""
