/** A run of a student's replicas (lab/grade), as frames to leaf through, and as a text that fits into an address. */
import { fromBase64, toBase64 } from '../board/base64url.ts'
import type { StageArrow, StageFrame, StageNode } from './frame.ts'

export interface RunTrace {
  /** `lab 3, failures`. */
  readonly title: string
  /** The property that does not hold, and why, in words. */
  readonly failure: string
  /** What happened, in the words of the grader. */
  readonly steps: readonly string[]
}

const VERSION = '1'
const LENGTH_MAX = 200_000
const STEPS_MAX = 2_000
const TEXT_MAX = 2_000

/** `1.` and base64url of JSON. Longer runs than an address can hold keep their last steps. */
export function encodeTrace({ title, failure, steps }: RunTrace): string {
  const kept = steps.slice(-STEPS_MAX).map((step) => step.slice(0, TEXT_MAX))
  for (;;) {
    const json = JSON.stringify([title, failure.slice(0, TEXT_MAX), kept])
    const text = `${VERSION}.${toBase64(new TextEncoder().encode(json))}`
    if (text.length <= LENGTH_MAX || kept.length === 0) return text
    kept.splice(0, Math.ceil(kept.length / 4))
  }
}

/** The reverse, for whatever stands in an address. Never throws. */
export function decodeTrace(text: string): RunTrace | { readonly error: string } {
  const damaged = {
    error: 'This link to a run is damaged: a part of it may be missing. Grade the file again, with --link.',
  }
  if (text.length > LENGTH_MAX || !text.startsWith(`${VERSION}.`)) return damaged
  const bytes = fromBase64(text.slice(VERSION.length + 1))
  if (bytes === null) return damaged
  let data: unknown
  try {
    data = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch {
    return damaged
  }
  if (!Array.isArray(data) || data.length !== 3) return damaged
  const [title, failure, steps] = data as unknown[]
  if (typeof title !== 'string' || typeof failure !== 'string' || !Array.isArray(steps)) return damaged
  if (steps.length > STEPS_MAX || !steps.every((step) => typeof step === 'string')) return damaged
  return { title, failure, steps }
}

/** What a step says of who speaks to whom. Other steps have no arrow. */
const SAYINGS: readonly { readonly form: RegExp; readonly outcome: StageArrow['outcome'] }[] = [
  { form: /^(?<from>\S+) asks (?<to>\S+): (?<label>.*)$/s, outcome: 'delivered' },
  { form: /^(?<from>\S+) -> (?<to>\S+): (?<label>.*)$/s, outcome: 'delivered' },
  { form: /^\s+(?<from>\S+) answers #(?<request>\d+)(?<label>.*)$/s, outcome: 'delivered' },
  { form: /^\s+(?<from>\S+) refuses #(?<request>\d+)(?<label>)$/, outcome: 'refused' },
]
const ABOUT_ONE = /^\s*(?<node>\S+?):? (?:learns|reports|crashes|nextIndex|\{)/
const LABEL_MAX = 40

/** A frame a step, from the beginning of the run to its failure. */
export function traceFrames({ failure, steps }: RunTrace): readonly StageFrame[] {
  const askers = new Map<string, string>()
  const arrows = steps.map((step) => arrowOf(step, askers))
  const names = namesIn(steps, arrows)
  const notes = new Map<string, string>()
  const down = new Set<string>()
  const frames = steps.map((step, i): StageFrame => {
    const about = ABOUT_ONE.exec(step)?.groups?.['node']
    if (about !== undefined && names.includes(about)) {
      notes.set(about, step.trim().slice(about.length).replace(/^:? /, ''))
      if (step.startsWith(`${about} crashes`)) down.add(about)
    }
    const arrow = arrows[i]
    return {
      caption: `${i + 1}. ${step.trim()}`,
      cites: null,
      nodes: names.map((name) => nodeOf(name, down.has(name), notes.get(name))),
      arrows: arrow === null || arrow === undefined ? [] : [arrow],
      tone: 'plain',
      operations: [],
    }
  })
  const nodes = frames.at(-1)?.nodes ?? []
  return [...frames, { caption: failure, cites: null, nodes, arrows: [], tone: 'bad', operations: [] }]
}

function arrowOf(step: string, askers: Map<string, string>): StageArrow | null {
  for (const { form, outcome } of SAYINGS) {
    const groups = form.exec(step)?.groups
    if (groups === undefined) continue
    const { from = '', label = '', request } = groups
    const to = groups['to'] ?? askers.get(request ?? '') ?? ''
    if (from === '' || to === '') return null
    const asked = /\(#(\d+)\)/.exec(label)?.[1]
    if (asked !== undefined && groups['request'] === undefined && !askers.has(asked)) askers.set(asked, from)
    const text = request === undefined ? label : `#${request}${label}`
    const short = inShort(text)
    const cut = short.length > LABEL_MAX ? `${short.slice(0, LABEL_MAX)}…` : short
    return { from, to, label: cut, fields: [text], outcome }
  }
  return null
}

/** A message in a student's own form: its kind first, where it has one, and what else it holds. */
function inShort(text: string): string {
  if (!text.startsWith('{')) return text
  try {
    const message = JSON.parse(text) as object
    return wordsOf(Object.entries(message)).join(' ')
  } catch {
    return text
  }
}

const KINDS: ReadonlySet<string> = new Set(['type', 'kind'])

const wordsOf = (fields: readonly (readonly [string, unknown])[]): string[] =>
  [...fields]
    .sort(([a], [b]) => Number(KINDS.has(b)) - Number(KINDS.has(a)))
    .flatMap(([name, value]) => {
      if (KINDS.has(name)) return [String(value)]
      if (typeof value !== 'object' || value === null) return [`${name} ${value}`]
      return wordsOf(Object.entries(value))
    })

/** Clients first, then servers, by name. */
function namesIn(steps: readonly string[], arrows: readonly (StageArrow | null)[]): readonly string[] {
  const names = new Set<string>()
  for (const arrow of arrows) if (arrow !== null) for (const name of [arrow.from, arrow.to]) names.add(name)
  for (const step of steps) {
    const about = /^(?<node>n\d+) /.exec(step)?.groups?.['node']
    if (about !== undefined) names.add(about)
  }
  return [...names].sort((a, b) => Number(isServer(a)) - Number(isServer(b)) || (a < b ? -1 : 1))
}

const isServer = (name: string) => /^n\d+$/.test(name) || name === 'follower'

function nodeOf(id: string, isDown: boolean, note: string | undefined): StageNode {
  const state = isDown ? 'down' : 'up'
  const role = isServer(id) ? 'replica' : 'client'
  return {
    id,
    role: id === 'leader' || id === 'follower' ? id : role,
    state,
    term: null,
    slots: [],
    dropped: [],
    notes: note === undefined ? [] : [note],
  }
}
