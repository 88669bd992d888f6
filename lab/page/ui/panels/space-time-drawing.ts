/** The space-time diagram on a canvas: thousands of arrows a frame are too many for elements. */
import type { ArrowView, MarkView, OperationView, Plane } from '../../board/view.ts'

export interface Span {
  readonly fromMs: number
  readonly toMs: number
}

/** Of a process: its name at the left, and what it asked for as bars. */
export interface Row {
  readonly name: string
  readonly isDown: boolean
  readonly operations: readonly OperationView[]
}

export interface Picture {
  /** Of the canvas, in pixels of the page. */
  readonly width: number
  readonly height: number
  readonly rows: readonly Row[]
  readonly arrows: readonly ArrowView[]
  readonly marks: readonly MarkView[]
  readonly span: Span
  readonly nowMs: number
  readonly routine: boolean
  readonly culprits: ReadonlySet<number>
  readonly timeText: (ms: number) => string
}

const LEFT = 92
const RIGHT = 8
const TOP = 22
const ROW = 27
const BAR = 8

export const heightOf = (rows: number): number => TOP + ROW * rows + 6

/** What stands at a place of the canvas; null: names do. */
export function momentAt(x: number, width: number, { fromMs, toMs }: Span): number | null {
  const share = (x - LEFT) / (width - LEFT - RIGHT)
  return share < 0 ? null : fromMs + share * (toMs - fromMs)
}

export type Paint = Readonly<Record<'ink' | 'soft' | 'line' | 'bad' | 'good' | 'paper' | Plane, string>>

export function paintOf(element: Element): Paint {
  const style = getComputedStyle(element)
  const colour = (name: string) => style.getPropertyValue(`--${name}`).trim()
  return {
    ink: colour('ink'),
    soft: colour('soft'),
    line: colour('line'),
    bad: colour('bad'),
    good: colour('clean'),
    paper: colour('paper'),
    chain: colour('chain'),
    client: colour('client'),
    raft: colour('raft'),
    zookeeper: colour('zookeeper'),
  }
}

export function drawSpaceTime(canvas: HTMLCanvasElement, picture: Picture, paint: Paint): void {
  const context = canvas.getContext('2d')
  if (context === null) return
  const ratio = devicePixelRatio
  const { width, height } = picture
  if (canvas.width !== Math.round(width * ratio) || canvas.height !== Math.round(height * ratio)) {
    canvas.width = Math.round(width * ratio)
    canvas.height = Math.round(height * ratio)
  }
  context.setTransform(ratio, 0, 0, ratio, 0, 0)
  context.clearRect(0, 0, width, height)
  context.font = '11px system-ui, sans-serif'
  const { fromMs, toMs } = picture.span
  const x = (ms: number) => LEFT + ((ms - fromMs) / (toMs - fromMs)) * (width - LEFT - RIGHT)
  const y = (name: string) => {
    const row = picture.rows.findIndex((each) => each.name === name)
    return row < 0 ? null : TOP + ROW * (row + 0.5)
  }
  drawGrid(context, { width, x, picture, paint })
  context.save()
  context.beginPath()
  context.rect(LEFT, 0, width - LEFT, height)
  context.clip()
  drawArrows(context, { x, y, picture, paint })
  drawOperations(context, { x, y, picture, paint })
  drawNow(context, { x, picture, paint, height })
  context.restore()
}

const LABELS_MAX = 80
/** Of what is behind a label: it lets arrows be seen, and the label be read. */
const BEHIND_ALPHA = 0.7
/** How wide one is, more or less: measuring each label would take longer than drawing it. */
const CHARACTER = 5.8
/** Of half a label: an arrow that is so much narrower has none, or nobody could tell whose it is. */
const ALONG_LEAST = 0.5
/** Room for half of a time that is written at the right edge. */
const EDGE = 24
const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 60_000]

function drawGrid(
  context: CanvasRenderingContext2D,
  { width, x, picture, paint }: { width: number; x: (ms: number) => number; picture: Picture; paint: Paint },
): void {
  const { rows, span, timeText } = picture
  context.textAlign = 'left'
  context.textBaseline = 'middle'
  for (const [row, { name, isDown }] of rows.entries()) {
    const middle = TOP + ROW * (row + 0.5)
    context.fillStyle = isDown ? paint.bad : paint.ink
    context.fillText(name.replace('coordinator-', 'c').replace('client-', 'client '), 6, middle)
    context.strokeStyle = paint.line
    context.lineWidth = 1
    context.beginPath()
    context.moveTo(LEFT, Math.round(middle) + 0.5)
    context.lineTo(width, Math.round(middle) + 0.5)
    context.stroke()
  }
  const wanted = (span.toMs - span.fromMs) / 7
  const step = STEPS.find((each) => each >= wanted) ?? wanted
  context.textAlign = 'center'
  context.fillStyle = paint.soft
  for (let ms = Math.ceil(Math.max(0, span.fromMs) / step) * step; ms <= span.toMs; ms += step) {
    const at = Math.min(x(ms), width - EDGE)
    if (at > LEFT + 14) context.fillText(timeText(ms), at, 10)
  }
}

interface Ground {
  readonly x: (ms: number) => number
  readonly y: (name: string) => number | null
  readonly picture: Picture
  readonly paint: Paint
}

function drawArrows(context: CanvasRenderingContext2D, { x, y, picture, paint }: Ground): void {
  const { arrows, nowMs, routine } = picture
  const shown = arrows.filter((arrow) => (routine || !arrow.routine) && arrow.sentMs <= nowMs)
  const taken: Taken[] = []
  for (const arrow of shown) {
    const [startY, endY] = [y(arrow.from), y(arrow.to)]
    if (startY === null || endY === null) continue
    const arrived = arrow.receivedMs !== null && arrow.receivedMs <= nowMs
    const until = arrived ? (arrow.receivedMs ?? nowMs) : nowMs
    const whole = arrow.receivedMs ?? until
    const share = arrived
      ? 1
      : whole <= arrow.sentMs
        ? 1
        : Math.min(0.9, (nowMs - arrow.sentMs) / (whole - arrow.sentMs))
    const [startX, endX] = [x(arrow.sentMs), x(until)]
    const tipY = startY + (endY - startY) * (arrow.lost ? 0.5 : arrived ? 1 : share)
    context.globalAlpha = arrow.routine ? 0.3 : 0.85
    context.strokeStyle = arrow.lost ? paint.bad : paint[arrow.plane]
    context.fillStyle = context.strokeStyle
    context.lineWidth = 1.3
    context.setLineDash(arrow.lost ? [3, 3] : [])
    context.beginPath()
    context.moveTo(startX, startY)
    context.lineTo(endX, tipY)
    context.stroke()
    if (arrived && !arrow.lost) drawTip(context, { fromX: startX, fromY: startY, x: endX, y: endY })
    if (arrow.lost) context.fillText('✕', endX, tipY)
    if (!arrow.routine)
      label(context, taken, {
        text: arrow.label.slice(0, 22),
        along: Math.abs(endX - startX),
        paper: paint.paper,
        x: (startX + endX) / 2,
        y: (startY + tipY) / 2 - 7,
      })
  }
  context.globalAlpha = 1
  context.setLineDash([])
}

interface Taken {
  readonly left: number
  readonly right: number
  readonly y: number
}

/** Written only where it hides no other. */
function label(
  context: CanvasRenderingContext2D,
  taken: Taken[],
  { text, along, paper, ...middle }: { text: string; along: number; paper: string; x: number; y: number },
): void {
  const half = (text.length * CHARACTER) / 2 + 3
  if (along < half * ALONG_LEAST) return
  if (taken.length > LABELS_MAX) return
  if (middle.x < LEFT) return
  const { y } = middle
  const x = Math.max(LEFT + half, middle.x)
  if (taken.some((other) => Math.abs(other.y - y) < 11 && x - half < other.right && x + half > other.left))
    return
  taken.push({ left: x - half, right: x + half, y })
  const { fillStyle, globalAlpha } = context
  context.globalAlpha = BEHIND_ALPHA
  context.fillStyle = paper
  context.fillRect(x - half, y - 6, 2 * half, 12)
  context.globalAlpha = globalAlpha
  context.fillStyle = fillStyle
  context.fillText(text, x, y)
}

function drawTip(
  context: CanvasRenderingContext2D,
  tip: { fromX: number; fromY: number; x: number; y: number },
): void {
  const angle = Math.atan2(tip.y - tip.fromY, tip.x - tip.fromX)
  context.beginPath()
  context.moveTo(tip.x, tip.y)
  for (const turn of [2.7, -2.7])
    context.lineTo(tip.x + 7 * Math.cos(angle + turn), tip.y + 7 * Math.sin(angle + turn))
  context.fill()
}

function drawOperations(context: CanvasRenderingContext2D, ground: Ground): void {
  for (const { name, operations } of ground.picture.rows) {
    const middle = ground.y(name)
    if (middle === null) continue
    for (const operation of operations) drawOperation(context, ground, operation, middle)
  }
}

function drawOperation(
  context: CanvasRenderingContext2D,
  ground: Ground,
  operation: OperationView,
  middle: number,
): void {
  const { x, picture, paint } = ground
  if (operation.calledMs > picture.nowMs) return
  const [startX, endX] = [
    x(operation.calledMs),
    x(Math.min(operation.returnedMs ?? picture.nowMs, picture.nowMs)),
  ]
  const bad = picture.culprits.has(operation.id)
  const width = Math.max(3, endX - startX)
  context.fillStyle = bad ? paint.bad : operation.state === 'ok' ? paint.good : paint.soft
  context.globalAlpha = bad || operation.judged ? 1 : 0.45
  context.fillRect(startX, middle - BAR / 2, width, BAR)
  context.globalAlpha = 1
  const text = operation.answer === null ? operation.text : `${operation.text} → ${operation.answer}`
  context.textAlign = 'left'
  context.fillStyle = bad ? paint.bad : paint.ink
  if (width > 46) context.fillText(text.slice(0, Math.floor(width / 5.4)), startX + 2, middle - 9)
  context.textAlign = 'center'
}

function drawNow(
  context: CanvasRenderingContext2D,
  {
    x,
    picture,
    paint,
    height,
  }: { x: (ms: number) => number; picture: Picture; paint: Paint; height: number },
): void {
  const { nowMs, marks } = picture
  context.fillStyle = paint.soft
  for (const { atMs, kind } of marks) {
    if (kind === 'action') continue
    context.globalAlpha = 0.5
    context.fillRect(x(atMs), TOP - 4, 1, height)
  }
  context.globalAlpha = 1
  context.fillStyle = paint.ink
  context.fillRect(x(nowMs), TOP - 4, 1.5, height)
}
