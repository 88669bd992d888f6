import { Interner } from './interner.ts'

/** One process of a model, made of a real core: what it is, and what an event does to it. */
export interface LocalMachine<Node, Event, Effects, Summary> {
  /** A fresh one, before any event. The same each time. */
  create(root: number): Node
  /** Changes the node. Deterministic. Whatever it throws is a broken promise. */
  apply(node: Node, event: Event): Effects
  /** See `canonicalText`. */
  canonical(node: Node): string
  /** What the world must know of the node, as data. */
  summarize(node: Node): Summary
}

/** Puts something between a model and its machine, as a test does. */
export type Wrap = <Node extends object, Event, Effects, Summary>(
  machine: LocalMachine<Node, Event, Effects, Summary>,
) => LocalMachine<Node, Event, Effects, Summary>
export const asItIs: Wrap = (machine) => machine

export interface Outcome<Effects> {
  readonly to: number
  readonly effects: Effects
}

interface Known<Summary> {
  readonly root: number
  /** How it was reached first; -1: it is a beginning. */
  readonly parent: number
  readonly event: number
  readonly summary: Summary
}

const LIVE_MAX = 3000

/**
 * The states of single processes. The world's state is one of these for each process and what is on the way between
 * them, and most of its billions of steps do to one process what was done to it before: so each distinct pair of local
 * state and event goes through the core once, and the rest is table look-up.
 *
 * A core's state is mutable and cannot be copied from outside. So a local state is remembered as the events that led to
 * it first, and made again by handing them to a fresh core. That is why its text must tell all: two histories with the
 * same text count as one.
 */
export class LocalStates<Node, Event, Effects, Summary> {
  readonly #machine: LocalMachine<Node, Event, Effects, Summary>
  readonly #states = new Interner<Known<Summary>>()
  readonly #events = new Interner<Event>()
  readonly #outcomes = new Map<number, Outcome<Effects> | string>()
  /** Processes that stand at a state now, each to be used once. */
  readonly #live = new Map<number, Node>()
  /** Events that a core handled, for the record: replays included. */
  coreSteps = 0

  constructor(machine: LocalMachine<Node, Event, Effects, Summary>) {
    this.#machine = machine
  }

  get size(): number {
    return this.#states.size
  }

  get pairs(): number {
    return this.#outcomes.size
  }

  root(root: number): number {
    const node = this.#machine.create(root)
    return this.#intern(node, { root, parent: -1, event: -1 })
  }

  /** `text` names the event: the same text, the same event. */
  event(text: string, make: () => Event): number {
    return this.#events.find(text) ?? this.#events.id(text, make())
  }

  eventOf(id: number): Event {
    return this.#events.value(id)
  }

  summary(local: number): Summary {
    return this.#states.value(local).summary
  }

  /** Where the event leads, or what broke. */
  move(local: number, event: number): Outcome<Effects> | string {
    const key = local * 2 ** 24 + event
    const known = this.#outcomes.get(key)
    if (known !== undefined) return known
    const outcome = this.#run(local, event)
    this.#outcomes.set(key, outcome)
    return outcome
  }

  #run(local: number, event: number): Outcome<Effects> | string {
    const node = this.#take(local)
    try {
      this.coreSteps++
      const effects = this.#machine.apply(node, this.#events.value(event))
      const { root } = this.#states.value(local)
      return { to: this.#intern(node, { root, parent: local, event }), effects }
    } catch (error) {
      if (!(error instanceof Error)) throw error
      return error.name === 'InvariantViolation' ? error.message : `${error.name}: ${error.message}`
    }
  }

  #intern(node: Node, origin: Omit<Known<Summary>, 'summary'>): number {
    const text = digest(`${origin.root}|${this.#machine.canonical(node)}`)
    const id =
      this.#states.find(text) ?? this.#states.id(text, { ...origin, summary: this.#machine.summarize(node) })
    if (!this.#live.has(id)) {
      if (this.#live.size >= LIVE_MAX)
        for (const oldest of [...this.#live.keys()].slice(0, LIVE_MAX / 4)) this.#live.delete(oldest)
      this.#live.set(id, node)
    }
    return id
  }

  #take(local: number): Node {
    const live = this.#live.get(local)
    if (live !== undefined) {
      this.#live.delete(local)
      return live
    }
    const events: number[] = []
    let at = this.#states.value(local)
    for (; at.parent >= 0; at = this.#states.value(at.parent)) events.push(at.event)
    const node = this.#machine.create(at.root)
    for (const event of events.reverse()) this.#machine.apply(node, this.#events.value(event))
    this.coreSteps += events.length
    return node
  }
}

/** About a hundred bits stand for the text of a local state: there are never more than some millions of them. */
function digest(text: string): string {
  let [a, b, c, d] = [0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f]
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x85ebca77)
    b = Math.imul(b ^ unit, 0xc2b2ae3d)
    c = Math.imul((c << 5) ^ (c >>> 27) ^ unit, 0x27d4eb2f)
    d = Math.imul((d << 7) ^ (d >>> 25) ^ unit, 0x165667b1)
  }
  return String.fromCharCode(
    ...[a ^ (c >>> 15), b ^ (d >>> 13), c, d].flatMap((word) => [word & 0xffff, word >>> 16]),
  )
}
