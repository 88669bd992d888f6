/** Every kind of fault that a run may draw: its words are what `--faults` lists. */
export const FAULT_KINDS = {
  crash: 'a process dies and starts again a while later',
  'crash-pair': 'two processes die at nearly the same time',
  'power-cut': 'everything dies at once; what was not synced is gone',
  pause: 'a process stops for 10 to 500 ms while its clock runs on',
  'long-pause': 'a process stops for longer than its session lasts',
  partition: 'the network falls apart, both ways: halves, one alone, or a bridge',
  'one-way': 'what one process sends does not arrive; what it is sent does',
  'link-break': 'all connections of a pair break; new ones can be made at once',
  'slow-link': 'one direction of a link takes many times as long',
  'slow-process': 'a process needs long for everything that it does (gray failure)',
  'slow-disk': 'a disk takes many times as long',
  'full-disk': 'there is no room on a disk, until it is freed and its process restarted',
  'bit-rot': 'a log does not hold what was written; its process refuses it, and an operator empties the disk',
  'clock-rate': 'a clock runs faster or slower, within driftBound of all others',
  'wall-jump': 'a wall clock jumps, up to a day, in either direction',
  'coordinator-outage': 'no coordinator is up for 1 to 30 s',
  'harsh-raft': 'messages between coordinators are lost, doubled, overtaken and late',
  elections:
    'a leader that was cut off with entries of its own returns while its successor is cut off; some runs are a storm of elections, without data servers',
  operator: 'servers are added, drained and taken back',
  'client-crash': 'a client dies with its requests on the way, and a new one begins',
  'client-burst': 'a client sends many requests at once',
  'drift-beyond':
    'clocks drift apart by more than driftBound: leases, and so linearizable reads, are promised no more',
  override:
    'an operator seeds a chain from a server that may lack committed writes: linearizability is promised no more',
} as const

export type FaultKind = keyof typeof FAULT_KINDS

/** Beyond what is promised: only by name, and only for runs that expect to see the stated promises broken. */
export const BEYOND_PROMISES: readonly FaultKind[] = ['drift-beyond', 'override']

/** These change who is a member, or lose a member's disk: a quorum whose members are fixed has no answer to that. */
export const CHANGES_OF_MEMBERS: readonly FaultKind[] = ['operator', 'override', 'bit-rot']

export const ALL_KINDS = Object.keys(FAULT_KINDS) as readonly FaultKind[]
export const DEFAULT_KINDS: readonly FaultKind[] = ALL_KINDS.filter((kind) => !BEYOND_PROMISES.includes(kind))

const isKind = (name: string): name is FaultKind => Object.hasOwn(FAULT_KINDS, name)

/**
 * Reads `--faults`: names with commas, `none`, or `all` (those within what is promised); `-name` takes one away, from all where nothing else is named.
 *
 * @throws {RangeError} a name that is no kind; the message lists those that are.
 *
 * @example
 * parseFaults('crash,pause') // ['crash', 'pause']
 * parseFaults('-bit-rot') // all but one
 */
export function parseFaults(list: string): readonly FaultKind[] {
  const words = list
    .split(',')
    .map((word) => word.trim())
    .filter((word) => word !== '')
  const chosen = new Set<FaultKind>(words.every((word) => word.startsWith('-')) ? DEFAULT_KINDS : [])
  for (const word of words) {
    const takesAway = word.startsWith('-')
    const name = takesAway ? word.slice(1) : word
    if (name === 'none' && !takesAway) chosen.clear()
    else if (name === 'all' && !takesAway) for (const kind of DEFAULT_KINDS) chosen.add(kind)
    else if (!isKind(name)) throw new RangeError(`faults: "${word}" is no kind of fault; ${knownKinds()}`)
    else if (takesAway) chosen.delete(name)
    else chosen.add(name)
  }
  return ALL_KINDS.filter((kind) => chosen.has(kind))
}

const knownKinds = () => `known are: ${ALL_KINDS.join(', ')}, or all, or none`
