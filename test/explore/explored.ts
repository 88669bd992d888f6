import type { LocalMachine, Wrap } from '../../lab/explore/local-states.ts'
import { type Model, Search, type SearchLimits } from '../../lab/explore/search.ts'

/** Visits what the bounds allow. */
export function explored(model: Model, limits: Partial<SearchLimits> = {}): Search {
  const search = new Search(model, limits)
  while (!search.done) search.advance(10_000)
  return search
}

/** The shortest trace, for people; empty where nothing was broken. */
export const traceOf = ({ violation }: Search): string =>
  violation === null
    ? ''
    : [...violation.steps.map((lines) => lines.join('\n')), violation.message].join('\n')

/** No two histories of a process count as one: its text is its history. What the exploration merges can be held against it. */
export const unmerged: Wrap = <Node extends object, Event, Effects, Summary>(
  machine: LocalMachine<Node, Event, Effects, Summary>,
) => {
  const histories = new WeakMap<Node, string>()
  return {
    ...machine,
    apply: (node: Node, event: Event) => {
      const effects = machine.apply(node, event)
      histories.set(node, `${histories.get(node) ?? ''}|${JSON.stringify(event)}`)
      return effects
    },
    canonical: (node: Node) => histories.get(node) ?? '',
  }
}

/** Walks two models side by side, and returns where they differ: what is possible, or what a step does. */
export function firstDifference(
  a: Model,
  b: Model,
  options: {
    readonly walks: number
    readonly steps: number
    readonly dice: { below(count: number): number }
  },
): string | null {
  for (let walk = 0; walk < options.walks; walk++) {
    let [left, right] = [a.initial(), b.initial()]
    for (let step = 0; step < options.steps; step++) {
      const [x, y] = [choicesOf(a, left), choicesOf(b, right)]
      if (x.map(({ action }) => action).join() !== y.map(({ action }) => action).join())
        return `walk ${walk}, step ${step}: ${x.length} and ${y.length} things are possible`
      const chosen = options.dice.below(x.length)
      const [one, other] = [x[chosen], y[chosen]]
      if (one === undefined || other === undefined) break
      const [said, truth] = [
        a.describe(left, one.action).join('\n'),
        b.describe(right, other.action).join('\n'),
      ]
      if (said !== truth) return `walk ${walk}, step ${step}:\n${said}\nbut\n${truth}`
      left = one.state
      right = other.state
    }
  }
  return null
}

function choicesOf(
  model: Model,
  state: Int32Array,
): { readonly action: number; readonly state: Int32Array }[] {
  const choices: { readonly action: number; readonly state: Int32Array }[] = []
  model.expand(state, {
    next: (action, next) => choices.push({ action, state: next.slice() }),
    violation: (action, message) => {
      throw new Error(`${action}: ${message}`)
    },
  })
  return choices
}

/** Everything that breaks in any state, to the end: what follows from a broken state is not looked at. */
export function violationsOf(model: Model): {
  readonly messages: ReadonlySet<string>
  readonly states: number
} {
  const [seen, messages] = [new Set<string>(), new Set<string>()]
  let level: Int32Array[] = []
  const isVisited = (state: Int32Array): boolean => seen.has(state.join())
  const visit = (state: Int32Array): void => {
    if (isVisited(state) || model.isCovered?.(state, isVisited) === true) return
    seen.add(state.join())
    const wrong = model.check(state)
    if (wrong === null) level.push(state.slice())
    else messages.add(wrong.message)
  }
  visit(model.initial())
  while (level.length > 0) {
    const states = level
    level = []
    for (const state of states)
      model.expand(state, {
        next: (_, next) => visit(next),
        violation: (_, message) => messages.add(message),
      })
  }
  return { messages, states: seen.size }
}
