/** Where everything stands. Pure: the same names and width give the same places. */
import type { BoardView, ConfigView } from '../../board/view.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly row: number
  readonly place: number
}

export interface Layout {
  readonly width: number
  readonly height: number
  /** Of type and boxes: larger in a lecture. */
  readonly scale: number
  readonly boxes: ReadonlyMap<string, Box>
  /** Servers that are in the chain, head first. */
  readonly chain: readonly string[]
}

export interface Point {
  readonly x: number
  readonly y: number
}

export interface Curve {
  readonly from: Point
  readonly bend: Point
  readonly to: Point
}

/** `down` and `up`: how far below a box's top the ways to its neighbours are, to the right and back. */
const ROWS = [
  { height: 110, widest: 250, gap: 0.26, below: 68, down: 44, up: 66 },
  { height: 200, widest: 250, gap: 0.26, below: 58, down: 30, up: 56 },
  { height: 96, widest: 230, gap: 0.1, below: 0, down: 30, up: 56 },
] as const
const MARGIN_TOP = 6
/** Wide enough for a word of a message's label. */
const GAP_MIN = 58
const CLIENT_GAP_MIN = 10

/** Members first, head first, then who joins, then the others: they stand at the right, out of the chain. */
export function serverOrder(servers: BoardView['servers'], config: ConfigView | null): readonly string[] {
  const members = config?.members.map(({ server }) => server) ?? []
  const joining = config?.joining ?? null
  const named = [...members, ...(joining === null ? [] : [joining])]
  const all = servers.map(({ name }) => name)
  const known = named.filter((name) => all.includes(name))
  return [...known, ...all.filter((name) => !known.includes(name))]
}

/** @param row - 0: coordinators, 1: servers, 2: clients. */
export type Taller = (row: number, width: number) => number

export interface Standing {
  readonly width: number
  readonly scale: number
  /** What cards of a row need beyond the usual height, by their width. */
  readonly taller: Taller
  readonly coordinators: readonly string[]
  readonly servers: readonly string[]
  readonly chain: readonly string[]
  readonly clients: readonly string[]
}

/** A row in which nobody stands takes no room. */
export function layOut({ width, scale, taller, coordinators, servers, chain, clients }: Standing): Layout {
  const boxes = new Map<string, Box>()
  let y = MARGIN_TOP
  let bottom = y
  for (const [row, names] of [coordinators, servers, clients].entries()) {
    const shape = ROWS[row] ?? ROWS[0]
    if (names.length === 0) continue
    const pitch = width / names.length
    const gap = Math.max(row === 2 ? CLIENT_GAP_MIN : GAP_MIN, pitch * shape.gap)
    const boxWidth = Math.max(0, Math.min(shape.widest * scale, pitch - gap))
    const height = (shape.height + taller(row, boxWidth)) * scale
    for (const [place, name] of names.entries()) {
      const x = pitch * (place + 0.5) - boxWidth / 2
      boxes.set(name, { x, y, width: boxWidth, height, row, place })
    }
    bottom = y + height
    y = bottom + shape.below * scale
  }
  return { width, height: bottom + 4, scale, boxes, chain }
}

export const areNeighbours = (layout: Layout, from: string, to: string): boolean => {
  const [a, b] = [layout.boxes.get(from), layout.boxes.get(to)]
  return a !== undefined && b !== undefined && a.row === b.row && Math.abs(a.place - b.place) === 1
}

/** The way of a message. Neighbours: straight, one lane per direction. Others in the row: an arc over those between. Rows: straight, a little apart. */
export function curveOf(layout: Layout, from: string, to: string): Curve {
  const a = layout.boxes.get(from) ?? outside(layout)
  const b = layout.boxes.get(to) ?? outside(layout)
  if (a.row !== b.row) return betweenRows(a, b)
  const right = a.x < b.x
  if (areNeighbours(layout, from, to)) {
    const row = ROWS[a.row] ?? ROWS[0]
    const y = a.y + (right ? row.down : row.up) * layout.scale
    const start = { x: right ? a.x + a.width : a.x, y }
    const end = { x: right ? b.x : b.x + b.width, y }
    return { from: start, bend: middle(start, end), to: end }
  }
  const up = a.row === 1
  const edge = up ? a.y : a.y + a.height
  const lift = (up ? -1 : 1) * (34 + 9 * Math.abs(a.place - b.place)) * (right ? 1 : 0.8)
  const start = { x: a.x + a.width * (right ? 0.7 : 0.3), y: edge }
  const end = { x: b.x + b.width * (right ? 0.3 : 0.7), y: edge }
  const centre = middle(start, end)
  return { from: start, bend: { x: centre.x, y: edge + lift * 1.5 }, to: end }
}

/** Messages that cross levels: down in one lane, up in another. */
function betweenRows(a: Box, b: Box): Curve {
  const down = a.row < b.row
  const apart = down ? 7 : -7
  const from = { x: a.x + a.width / 2 + apart, y: down ? a.y + a.height : a.y }
  const to = { x: b.x + b.width / 2 + apart, y: down ? b.y : b.y + b.height }
  return { from, bend: middle(from, to), to }
}

const middle = (a: Point, b: Point): Point => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 })

/** For who is not drawn, such as the visitor's own session. */
const outside = ({ width }: Layout): Box => ({ x: width - 8, y: 150, width: 4, height: 4, row: -1, place: 0 })

export function pointOn({ from, bend, to }: Curve, t: number): Point {
  const s = 1 - t
  return {
    x: s * s * from.x + 2 * s * t * bend.x + t * t * to.x,
    y: s * s * from.y + 2 * s * t * bend.y + t * t * to.y,
  }
}

/** Of a dot: it stands beside a card, never on it. */
const CLEAR = 9
const CLEAR_SHARE_MAX = 0.35
const CLEAR_SHARE_OF_ARC = 0.14

/** As `pointOn`, for something that has a size. */
export function dotOn(curve: Curve, t: number): Point {
  const { from, bend, to } = curve
  const isArc = from.y === to.y && bend.y !== from.y
  const across = from.y === to.y ? Math.abs(to.x - from.x) : Math.abs(to.y - from.y)
  const clear = isArc ? CLEAR_SHARE_OF_ARC : Math.min(CLEAR_SHARE_MAX, CLEAR / Math.max(1, across))
  return pointOn(curve, clear + t * (1 - 2 * clear))
}

export const pathText = ({ from, bend, to }: Curve): string =>
  `M${from.x} ${from.y}Q${bend.x} ${bend.y} ${to.x} ${to.y}`

/** Where a link's own sign stands, beside the line that messages use. */
export function signOn(layout: Layout, from: string, to: string): Point {
  const curve = curveOf(layout, from, to)
  const { x, y } = pointOn(curve, 0.5)
  return { x, y: y + (curve.from.x < curve.to.x ? 13 : -13) }
}
