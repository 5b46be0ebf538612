/**
 * The script of the page: it asks for the view every two seconds and changes only what differs, so that focus, selection and scroll
 * positions stay, and a screen reader hears of new transitions only. A string, since it must come through bundlers unchanged.
 */
export const SCRIPT = `
const PERIOD = 2000, PATIENCE = 10000
const view = document.getElementById('view')
const state = document.getElementById('state')
const pause = document.getElementById('pause')
let isPaused = false, timer, chosen = -1

// Makes \`from\` like \`to\`. Children with a data-key are told apart by it, the others by their place.
function patch(from, to) {
  if (from.nodeType === Node.ELEMENT_NODE) {
    for (const { name } of [...from.attributes]) if (!to.hasAttribute(name)) from.removeAttribute(name)
    for (const { name, value } of to.attributes) if (from.getAttribute(name) !== value) from.setAttribute(name, value)
  }
  const keyed = new Map()
  for (const child of from.children) if (child.dataset.key !== undefined) keyed.set(child.dataset.key, child)
  let place = from.firstChild
  for (const next of [...to.childNodes]) {
    const key = next.dataset?.key
    const match = key !== undefined ? keyed.get(key) : place?.dataset?.key === undefined && place?.nodeName === next.nodeName ? place : undefined
    if (!match) { from.insertBefore(next, place); continue }
    keyed.delete(key)
    if (match === place) place = place.nextSibling
    else from.insertBefore(match, place)
    if (match.nodeType !== Node.TEXT_NODE) patch(match, next)
    else if (match.data !== next.data) match.data = next.data
  }
  while (place) { const next = place.nextSibling; place.remove(); place = next }
}

function say(text, isLost) {
  if (state.textContent !== text) state.textContent = text
  state.classList.toggle('lost', isLost)
}

async function refresh() {
  clearTimeout(timer)
  try {
    const answer = await fetch('view', { cache: 'no-store', signal: AbortSignal.timeout(PATIENCE) })
    if (!answer.ok) throw new Error(answer.status)
    const fresh = document.createElement('template')
    fresh.innerHTML = await answer.text()
    if (isPaused) return
    const wrapper = view.cloneNode(false)
    wrapper.append(fresh.content)
    patch(view, wrapper)
    choose(chosen)
    say('Updated every 2 seconds', false)
  } catch {
    if (!isPaused) say('No answer from the program: these figures are old. Trying again.', true)
  }
  if (!isPaused) timer = setTimeout(refresh, PERIOD)
}

pause.hidden = false
pause.addEventListener('click', () => {
  isPaused = !isPaused
  pause.textContent = isPaused ? 'Resume' : 'Pause'
  clearTimeout(timer)
  if (isPaused) say('Paused', false)
  else refresh()
})
// A page that nobody sees asks for nothing.
document.addEventListener('visibilitychange', () => {
  clearTimeout(timer)
  if (!document.hidden && !isPaused) refresh()
})

// The heat map is one stop for Tab; arrow keys go from shard to shard, and a line below says what is there.
function choose(at) {
  const cells = document.querySelectorAll('.heat li')
  chosen = Math.min(at, cells.length - 1)
  for (const [place, cell] of cells.entries()) cell.classList.toggle('chosen', place === chosen)
  const readout = document.getElementById('readout')
  const text = chosen < 0 ? '' : cells[chosen].dataset.read
  if (readout && readout.textContent !== text) readout.textContent = text
}
function columns(cells) {
  const top = cells[0].offsetTop
  const second = [...cells].findIndex(cell => cell.offsetTop > top)
  return second < 0 ? cells.length : second
}
view.addEventListener('keydown', event => {
  if (!event.target.classList.contains('heat')) return
  const cells = document.querySelectorAll('.heat li')
  const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: columns(cells), ArrowUp: -columns(cells) }
  if (event.key === 'Escape') choose(-1)
  else if (event.key === 'Home') choose(0)
  else if (event.key === 'End') choose(cells.length - 1)
  else if (event.key in steps) choose(Math.max(0, Math.min(cells.length - 1, chosen < 0 ? 0 : chosen + steps[event.key])))
  else return
  event.preventDefault()
})
view.addEventListener('pointerover', event => {
  const cell = event.target.closest('.heat li')
  if (cell) choose([...cell.parentNode.children].indexOf(cell))
})
timer = setTimeout(refresh, PERIOD)
`
