import type { ChainConfig, Joiner, Member } from '../../protocol/chain-config.ts'
import type { ReplicaReport } from '../../protocol/cluster.ts'
import { asMillis } from '../../protocol/ids.ts'
import { comeBack } from './last-member.ts'
import { ripeSuspicions } from './memory.ts'
import { chooseSpare, type Load, type SpareSearch, sparesFor } from './placement.ts'
import {
  isDraining,
  isLive,
  type ManagerView,
  type PlannerState,
  type ProposalStep,
  validReport,
} from './view.ts'

/** One chain as the rules look at it. */
export interface ChainCase {
  readonly view: ManagerView
  readonly state: PlannerState
  readonly load: Load
  readonly config: ChainConfig
  readonly reports: readonly ReplicaReport[]
  readonly liveServing: readonly Member[]
  /** The manager is so new that it removes nobody yet. */
  readonly inGrace: boolean
  /** Says what the chain waits for. */
  readonly wait: (reason: string) => void
}

export interface Change {
  /** Absent = as they are. */
  readonly members?: readonly Member[]
  readonly joining?: Joiner | null
  readonly step: ProposalStep
  readonly reason: string
}

type Rule = (chain: ChainCase) => Change | null

/** First what has happened already (handed off, died, left), then what is under way, then what is wanted. */
const RULES: readonly Rule[] = [
  markServing,
  dropGone,
  keepOneStaying,
  dropFailedNewcomer,
  dropLeft,
  tendJoiner,
  demoteFailed,
  demoteSuspect,
  addJoiner,
  drainMember,
]

/** The next step of one chain, or null where nothing is to be done now. */
export function nextChange(chain: ChainCase): Change | null {
  if (chain.liveServing.length === 0) return markServing(chain) ?? comeBack(chain)
  for (const rule of RULES) {
    const change = rule(chain)
    if (change) return change
  }
  return null
}

const stateOf = ({ config, reports }: ChainCase, who: Joiner) => validReport(reports, config, who)?.state
const isStaying = ({ view }: ChainCase, member: Member) =>
  isLive(view, member) && !member.leaving && !isDraining(view, member.server)
const without = (config: ChainConfig, gone: readonly Member[]) =>
  config.members.filter((member) => !gone.includes(member))
const withMember = (config: ChainConfig, old: Member, changes: Partial<Member>) =>
  config.members.map((member) => (member === old ? { ...member, ...changes } : member))
/** Others that would go on serving if `member` went. */
const othersServing = (chain: ChainCase, member: Member) =>
  chain.liveServing.filter((other) => other !== member && !other.leaving)

/** The report speaks of this very epoch: in it, the predecessor handed off (HandoffBeforeServing). */
function markServing(chain: ChainCase): Change | null {
  const { config, view } = chain
  const ready = config.members.find(
    (member) =>
      !member.serving && !member.leaving && isLive(view, member) && stateOf(chain, member) === 'serving',
  )
  if (!ready) return null
  return {
    step: 'serve',
    members: withMember(config, ready, { serving: true }),
    reason: `${ready.server} was handed off to and serves ${config.chain} from now on`,
  }
}

/** Their sessions have ended, so their leases have run out before (DESIGN section 5). */
function dropGone(chain: ChainCase): Change | null {
  const { config, view } = chain
  const gone = config.members.filter((member) => !isLive(view, member))
  if (gone.length === 0) return null
  const who = gone.map(({ server }) => server).join(', ')
  if (chain.inGrace) {
    chain.wait(`${config.chain} misses ${who}; a manager just elected removes nobody yet`)
    return null
  }
  const members = without(config, gone)
  const allLeave = members.every((member) => !member.serving || member.leaving)
  const returned = gone.filter(({ server }) => view.servers.has(server)).map(({ server }) => server)
  const why = returned.length === gone.length ? 'restarted, or lost its session' : 'has lost its session'
  return {
    step: 'drop-gone',
    members: allLeave ? members.map((member) => ({ ...member, leaving: false })) : members,
    joining: config.joining && isLive(view, config.joining) ? config.joining : null,
    reason: `${who} ${why}: dropped from ${config.chain}; ${members.map(({ server }) => server).join(' -> ')} remain`,
  }
}

/** The last that serve cannot leave, whatever they were asked before the others died. */
function keepOneStaying(chain: ChainCase): Change | null {
  const { config, liveServing } = chain
  if (!liveServing.every(({ leaving }) => leaving)) return null
  const kept = liveServing.map(({ server }) => server).join(', ')
  return {
    step: 'stay',
    members: config.members.map((member) => ({ ...member, leaving: false })),
    reason: `${kept} must stay: nobody else serves ${config.chain}`,
  }
}

function dropFailedNewcomer(chain: ChainCase): Change | null {
  const { config } = chain
  const failed = config.members.find((member) => !member.serving && stateOf(chain, member) === 'failed')
  if (!failed) return null
  return {
    step: 'drop-failed',
    members: without(config, [failed]),
    reason: `${failed.server} cannot take part: dropped from ${config.chain} before it served`,
  }
}

/** The second step of a leave. `failed`, said in an epoch in which it leaves, says no less than `left`: it answers nothing. */
function dropLeft(chain: ChainCase): Change | null {
  const { config } = chain
  const left = config.members.find((member) => {
    const said = stateOf(chain, member)
    return member.leaving && (said === 'left' || said === 'failed') && othersServing(chain, member).length > 0
  })
  if (!left) return null
  return {
    step: 'drop-left',
    members: without(config, [left]),
    reason: `${left.server} has stopped answering: dropped from ${config.chain}`,
  }
}

function tendJoiner(chain: ChainCase): Change | null {
  const { config, view } = chain
  const { joining } = config
  if (!joining) return null
  const cancel = (why: string): Change => ({
    step: 'cancel-join',
    joining: null,
    reason: `${joining.server} ${why}: it no longer joins ${config.chain}`,
  })
  if (!isLive(view, joining)) return chain.inGrace ? null : cancel('is gone')
  const said = stateOf(chain, joining)
  if (said === 'failed') return cancel('failed to catch up')
  if (isDraining(view, joining.server)) return cancel('is being drained')
  const staying = config.members.filter((member) => isStaying(chain, member))
  if (staying.length >= view.options.replicationFactor) return cancel('is not needed any more')
  if (said !== 'synced') return null
  return {
    step: 'append',
    members: [...config.members, { ...joining, serving: false, leaving: false }],
    joining: null,
    reason: `${joining.server} has caught up: appended to ${config.chain}, to serve once it is handed off to`,
  }
}

const leave = ({ config }: ChainCase, member: Member, why: string): Change => ({
  step: 'leave',
  members: withMember(config, member, { leaving: true }),
  reason: `${member.server} ${why}: asked to leave ${config.chain}`,
})
const someoneLeaves = ({ config }: ChainCase) => config.members.some(({ leaving }) => leaving)

/** A member says so itself: no suspicion is needed, but the last one that serves is kept all the same. */
function demoteFailed(chain: ChainCase): Change | null {
  const failed = chain.liveServing.find((member) => !member.leaving && stateOf(chain, member) === 'failed')
  if (!failed || someoneLeaves(chain)) return null
  if (othersServing(chain, failed).length > 0) return leave(chain, failed, 'reports that it cannot take part')
  chain.wait(
    `${failed.server} reports that it cannot take part, but nobody else serves ${chain.config.chain}`,
  )
  return null
}

/** Capped: at most one in a while, and two must go on serving, or suspicion alone could undo a chain (trap 16). */
function demoteSuspect(chain: ChainCase): Change | null {
  const { config, state, view } = chain
  for (const { by, suspect } of ripeSuspicions(view, state, config)) {
    const story = `is suspected by ${by}`
    if (config.joining?.server === suspect) {
      const rejoinMs = asMillis(view.nowMs + state.limits.rejoinBackoffMs)
      state.backoffs.set(`${config.chain}/${suspect}`, { untilMs: rejoinMs, whileAloneMs: rejoinMs })
      return {
        step: 'cancel-join',
        joining: null,
        reason: `${suspect} ${story}: it no longer joins ${config.chain}`,
      }
    }
    const member = config.members.find(({ server }) => server === suspect)
    if (!member || !isLive(view, member) || someoneLeaves(chain)) continue
    const lastDemotion = state.demotions.get(config.chain)
    const tooSoon = lastDemotion !== undefined && view.nowMs - lastDemotion < state.limits.demotionEveryMs
    // One that does not serve yet holds the chain up without carrying it, so the one before it suffices.
    const enough = othersServing(chain, member).length >= (member.serving ? 2 : 1)
    if (enough && !tooSoon) return leave(chain, member, story)
    chain.wait(
      `${suspect} ${story}, but ${enough ? 'another was demoted a moment ago' : `too few would serve ${config.chain}`}`,
    )
  }
  return null
}

const searchOf = (chain: ChainCase): SpareSearch => ({
  ...chain,
  staying: chain.config.members.filter((member) => isStaying(chain, member)),
})

/** Always at the tail, and one newcomer at a time. */
function addJoiner(chain: ChainCase): Change | null {
  const { config, view, load } = chain
  if (config.joining || config.members.some(({ serving }) => !serving)) return null
  const search = searchOf(chain)
  const missing = view.options.replicationFactor - search.staying.length
  if (missing <= 0) return null
  const spare = chooseSpare(search)
  if (!spare) {
    const why =
      sparesFor(search).length > 0
        ? 'the spare servers are busy with other joins'
        : 'there is no spare server'
    chain.wait(`${config.chain} is ${missing} short of ${view.options.replicationFactor} members; ${why}`)
    return null
  }
  load.addJoin(spare.server)
  return {
    step: 'join',
    joining: { server: spare.server, incarnation: spare.incarnation },
    reason: `${config.chain} is ${missing} short of ${view.options.replicationFactor} members: ${spare.server} joins at its tail`,
  }
}

/** The first step of a drain: after its replacement serves, if there can be one. */
function drainMember(chain: ChainCase): Change | null {
  const { config, view } = chain
  const draining = config.members.find(
    (member) => isLive(view, member) && !member.leaving && isDraining(view, member.server),
  )
  if (!draining || someoneLeaves(chain)) return null
  if (othersServing(chain, draining).length === 0) {
    chain.wait(`${draining.server} is to be drained, but nobody else serves ${config.chain}`)
    return null
  }
  const search = searchOf(chain)
  const replaced = search.staying.filter(({ serving }) => serving).length >= view.options.replicationFactor
  const newcomer = config.joining !== null || config.members.some(({ serving }) => !serving)
  const mayWait = draining.serving && (newcomer || sparesFor(search).length > 0)
  if (replaced || !mayWait) return leave(chain, draining, 'is being drained')
  chain.wait(`${draining.server} is to be drained from ${config.chain} once its replacement serves`)
  return null
}
