/** What the torture breaks. */

/**
 * `kill`: SIGKILL, and a restart later. `pause`: SIGSTOP, shorter or longer than the session timeout. `partition`: packets between some processes vanish, in one
 * direction or both. `slow`: a link with little bandwidth, or a long delay. `disk-full`. `power-cut`: killed, and whatever was not synced is lost.
 */
export const FAULT_KINDS = ['kill', 'pause', 'partition', 'slow', 'disk-full', 'power-cut'] as const
export type FaultKind = (typeof FAULT_KINDS)[number]

/** Whom a fault hits. Roles are looked up when it is time: who holds them depends on what went before. */
export type Target =
  | { readonly type: 'member'; readonly chain: number; readonly position: 'head' | 'middle' | 'tail' }
  | { readonly type: 'server'; readonly index: number }
  | { readonly type: 'leader' }
  | { readonly type: 'coordinator'; readonly index: number }
  | { readonly type: 'all-servers' }
  | { readonly type: 'all-coordinators' }
  | { readonly type: 'everything' }

/** From whom a partition cuts its victim off. `processes`: from all but the clients, who then ask somebody that nobody else can hear. */
export type Side = 'peers' | 'coordinators' | 'servers' | 'clients' | 'processes' | 'everyone'
/** `in`: what is sent to the victim vanishes. `out`: what it sends. */
export type Way = 'both' | 'in' | 'out'

export interface PlannedFault {
  readonly kind: FaultKind
  /** After the begin of the torture. */
  readonly atMs: number
  readonly lastsMs: number
  readonly target: Target
  /** Only of a partition. */
  readonly cut: { readonly side: Side; readonly way: Way } | null
}

/** After such a fault there is nothing left that could go on. */
export const takesMany = ({ target }: PlannedFault) =>
  target.type === 'everything' || target.type === 'all-servers' || target.type === 'all-coordinators'

/** A fault as it was inflicted. Times are the recorder's. */
export interface InflictedFault {
  readonly kind: FaultKind
  readonly what: string
  readonly fromUs: number
  /** When it was healed: the process runs again, the link is back. The cluster may need longer. */
  readonly toUs: number
}

const targetText = (target: Target): string => {
  switch (target.type) {
    case 'member':
      return `${target.position} of c${target.chain}`
    case 'leader':
      return 'Raft leader'
    case 'all-servers':
      return 'all servers'
    case 'all-coordinators':
      return 'all coordinators'
    default:
      return ''
  }
}

const WAYS = { both: 'cut off from', in: 'hears nothing of', out: 'is not heard by' } as const

/** One line for the eyes: `SIGKILL n2 (tail of c0)`. */
export function describeFault(
  { kind, target, cut, lastsMs }: PlannedFault,
  victims: readonly string[],
): string {
  const role = targetText(target)
  const who = `${victims.join(', ')}${role === '' ? '' : ` (${role})`}`
  const lasting = `for ${(lastsMs / 1000).toFixed(1)} s`
  switch (kind) {
    case 'kill':
      return `SIGKILL ${who}, down ${lasting}`
    case 'pause':
      return `SIGSTOP ${who} ${lasting}`
    case 'partition':
      return `partition: ${who} ${WAYS[cut?.way ?? 'both']} ${cut?.side ?? 'everyone'} ${lasting}`
    case 'slow':
      return `slow link to ${who} ${lasting}`
    case 'disk-full':
      return `disk of ${who} full ${lasting}`
    case 'power-cut':
      return `power cut at ${who}, down ${lasting}`
  }
}
