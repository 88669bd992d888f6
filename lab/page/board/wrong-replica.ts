/** Replicas and coordinators that leave one rule out: the real cores, with a hand between them and what they hear. */
import type { ReplicaEvent } from '../../../chain/events.ts'
import { answerClean, refuseRead } from '../../../chain/read-path.ts'
import { leaseLives, type Replica, selfMember } from '../../../chain/state.ts'
import { asTerm } from '../../../coordinator/raft/ids.ts'
import type { RaftMessage } from '../../../coordinator/raft/messages.ts'
import type { Raft } from '../../../coordinator/raft/state.ts'
import { asMillis, asSeq } from '../../../protocol/ids.ts'
import type { PeerBody, PeerMessage } from '../../../runtime/coordinator/peer-messages.ts'
import { type HostOptions, ReplicaHost } from '../../../runtime/server/replica-host.ts'
import type { MakeSimHost } from '../../simulator/copy-groups.ts'
import type { MutantName } from './mutants.ts'

const FOREVER = asMillis(Number.MAX_SAFE_INTEGER)

type Read = Extract<ReplicaEvent, { type: 'read' }>
type Step = (event: ReplicaEvent) => void

/** How a replica without this rule takes an event; `step` is the real core. */
type Wrong = (host: WrongReplica, event: ReplicaEvent, step: Step) => void

const WRONG: Partial<Record<MutantName, Wrong>> = {
  'no-lease-check': ({ replica }, event, step) => leased(replica, event, step),
  'tail-without-lease': ({ replica }, event, step) =>
    event.type === 'message' && event.message.type === 'version-query'
      ? leased(replica, event, step)
      : step(event),
  'dirty-reads': ({ replica }, event, step) =>
    isDirtyRead(replica, event)
      ? step({ ...event, options: { ...event.options, consistency: { type: 'eventual' } } })
      : step(event),
  'old-clean-value': (host, event, step) => {
    const { replica } = host
    if (!isDirtyRead(replica, event) || refuseRead(replica, event.command) !== null) step(event)
    else answerClean(replica, event, host)
  },
  'no-fence': ({ replica }, event, step) => step(unfenced(replica, event)),
  'ack-before-durable': ({ replica }, event, step) => undurable(replica, event, step),
  'no-handoff': ({ replica }, event, step) => {
    step(event)
    if (selfMember(replica) !== null && replica.incoming === null) replica.serving = true
  },
}

class WrongReplica extends ReplicaHost {
  readonly #wrong: Wrong

  constructor(options: HostOptions & { readonly tailReadsOnly?: boolean }, wrong: Wrong) {
    super(options)
    this.#wrong = wrong
  }

  protected override run(event: ReplicaEvent): void {
    this.#wrong(this, event, (real) => super.run(real))
  }
}

/** Null: this rule is not one of replicas. */
export function wrongReplicas(mutant: MutantName, tailReadsOnly: boolean): MakeSimHost | null {
  const wrong = WRONG[mutant]
  return wrong === undefined
    ? null
    : () => (options) => new WrongReplica({ ...options, tailReadsOnly }, wrong)
}

/** The step is made as if the lease lived; what is left of the real one is there again after it. */
function leased(replica: Replica, event: ReplicaEvent, step: Step): void {
  if (event.type === 'lease') return step(event)
  const { leaseUntil } = replica
  replica.leaseUntil = FOREVER
  step(event)
  replica.leaseUntil = leaseUntil
}

function isDirtyRead(replica: Replica, event: ReplicaEvent): event is Read {
  if (event.type !== 'read' || event.options.consistency.type !== 'strong') return false
  if (event.command.type !== 'get' || !leaseLives(replica)) return false
  return event.command.keys.some((key) => replica.log.isDirty(key))
}

function unfenced({ config }: Replica, event: ReplicaEvent): ReplicaEvent {
  if (event.type !== 'message' || config === null || event.message.epoch >= config.epoch) return event
  if (event.message.type === 'config' || event.message.type === 'config-request') return event
  return { ...event, message: { ...event.message, epoch: config.epoch } }
}

/** For this step, all that is in the log counts as durable, here and above. */
function undurable(replica: Replica, event: ReplicaEvent, step: Step): void {
  if (event.type === 'durable') return step(event)
  const { walDurable } = replica
  const { last } = replica.log
  replica.upstreamDurable = last
  replica.walDurable = last
  step(event)
  if (replica.walDurable === last) replica.walDurable = asSeq(Math.min(walDurable, replica.log.last))
}

/** What a coordinator that leaves a rule of elections out hears. */
export function wronglyHeard(mutant: MutantName, raft: Raft, body: PeerBody): PeerBody {
  if (mutant !== 'votes-twice' && mutant !== 'longest-log') return body
  return { ...body, messages: body.messages.map((message) => heard(mutant, raft, message)) }
}

function heard(mutant: MutantName, raft: Raft, message: PeerMessage): PeerMessage {
  if (message.type !== 'raft') return message
  const asked: RaftMessage = message.message
  if (asked.type !== 'vote-request' && asked.type !== 'pre-vote-request') return message
  if (mutant === 'votes-twice') {
    if (asked.type === 'vote-request' && asked.term === raft.term) raft.votedFor = null
    return message
  }
  const { last, lastTerm } = raft.log
  const longer = asked.lastIndex >= last
  // The longer log wins, whatever its last term: so that is made to look as good as ours, or worse.
  return {
    ...message,
    message: { ...asked, lastTerm: longer ? asTerm(Math.max(lastTerm, asked.lastTerm)) : asTerm(0) },
  }
}
