/**
 * Messages that are close to each other: which ones stand for others, and where their labels go, so that nothing hides anything. Pure, and cheap enough
 * for every frame.
 */
import type { Point } from './geometry.ts'

export interface Rect {
  readonly left: number
  readonly top: number
  readonly right: number
  readonly bottom: number
}

export type Side = 'above' | 'below' | 'right' | 'left'

export interface Size {
  readonly width: number
  readonly height: number
}

export interface Dot extends Point {
  /** Only messages of one way stand for each other. */
  readonly way: string
  /** Never hidden behind another: somebody looks at it. */
  readonly chosen: boolean
  /** Of its label, by whether it also says how many are behind it; null: it has none. */
  readonly label: (several: boolean) => Size | null
  /** Where the label may go, the best place first. */
  readonly sides: readonly Side[]
  /** Above and below, the label is moved so that it stays between these. */
  readonly between: readonly [left: number, right: number] | null
}

export interface Place {
  /** How many others are hidden behind this one; null: it is hidden itself. */
  readonly behind: number | null
  /** Centre of its label, seen from the dot; null: there is no room for one. */
  readonly label: Point | null
}

const CLOSE = 13
const REACH = 7
const APART = 3

export function arrange(dots: readonly Dot[], obstacles: readonly Rect[], width: number): readonly Place[] {
  const leaders = leadersOf(dots)
  const behind = new Map<number, number>()
  for (const leader of leaders) behind.set(leader, (behind.get(leader) ?? -1) + 1)
  const taken = [...obstacles]
  const own = new Map<number, Rect>()
  for (const [i, dot] of dots.entries()) {
    if (!behind.has(i)) continue
    const rect = around(dot, 2 * REACH, 2 * REACH)
    own.set(i, rect)
    taken.push(rect)
  }
  return dots.map((dot, i) => {
    const others = behind.get(i)
    if (others === undefined) return { behind: null, label: null }
    const size = dot.label(others > 0)
    const label = size === null ? null : labelPlace(dot, size, { taken, own: own.get(i) ?? null, width })
    return { behind: others, label }
  })
}

/** Of each dot the one that stands for it; most are their own. */
function leadersOf(dots: readonly Dot[]): readonly number[] {
  const byWay = new Map<string, number[]>()
  return dots.map((dot, i) => {
    const leaders = byWay.get(dot.way) ?? []
    byWay.set(dot.way, leaders)
    const leader = leaders.find((other) => isClose(dots[other], dot))
    if (leader !== undefined && !dot.chosen) return leader
    leaders.push(i)
    return i
  })
}

const isClose = (a: Dot | undefined, b: Dot): boolean =>
  a !== undefined && !a.chosen && Math.abs(a.x - b.x) < CLOSE && Math.abs(a.y - b.y) < CLOSE

interface Room {
  readonly taken: Rect[]
  /** The dot itself: its label may touch it. */
  readonly own: Rect | null
  readonly width: number
}

/** The first place that is free; it is taken then. */
function labelPlace(dot: Dot, size: Size, { taken, own, width }: Room): Point | null {
  for (const side of dot.sides) {
    const from = offset(dot, size, side)
    const rect = around({ x: dot.x + from.x, y: dot.y + from.y }, size.width, size.height)
    if (rect.left < 0 || rect.right > width) continue
    if (taken.some((other) => other !== own && meet(rect, other))) continue
    taken.push(rect)
    return from
  }
  return null
}

function offset({ x, between }: Dot, { width, height }: Size, side: Side): Point {
  if (side === 'right' || side === 'left') {
    const aside = REACH + APART + width / 2
    return { x: side === 'right' ? aside : -aside, y: 0 }
  }
  const up = REACH + APART + height / 2
  const [left, right] = between ?? [-Infinity, Infinity]
  const centre = Math.max(left + width / 2, Math.min(right - width / 2, x))
  return { x: centre - x, y: side === 'above' ? -up : up }
}

export const around = ({ x, y }: Point, width: number, height: number): Rect => ({
  left: x - width / 2,
  right: x + width / 2,
  top: y - height / 2,
  bottom: y + height / 2,
})

const meet = (a: Rect, b: Rect): boolean =>
  a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom

/** Breaks between words, and within one only where it is longer than a line. At most `linesMax`; the last one says what is missing. */
export function wrap(text: string, { characters, linesMax }: { characters: number; linesMax: number }) {
  const lines: string[] = []
  for (const word of text.split(/(?<=[,-])|\s+/).filter((part) => part !== '')) {
    const last = lines.at(-1)
    const joined = last === undefined ? word : last.endsWith('-') ? last + word : `${last} ${word}`
    if (last !== undefined && joined.length <= characters && !last.endsWith(','))
      lines[lines.length - 1] = joined
    else lines.push(word)
  }
  const kept = lines.slice(0, linesMax)
  const cut = kept.map((line) => (line.length > characters ? `${line.slice(0, characters - 1)}…` : line))
  if (lines.length > linesMax) cut[linesMax - 1] = '…'
  return cut
}
