/** Ensembles that break one rule each, and the smallest scope that shows it. */
import type { RaftEvent } from '../../../coordinator/raft/events.ts'
import type { Raft } from '../../../coordinator/raft/state.ts'
import type { MemberFaults } from './member.ts'
import type { RaftScope } from './model.ts'

export interface WrongRaft {
  /** What is wrong. */
  readonly says: string
  readonly scope: Partial<RaftScope>
  readonly faults: MemberFaults
}

const NOTHING: Partial<RaftScope> = { entries: 0, crashes: 0, campaigns: 1 }

export const WRONG_RAFTS: Readonly<Record<string, WrongRaft>> = {
  'votes-twice': {
    says: 'a member votes for everybody who asks (Raft §5.2)',
    scope: { ...NOTHING, campaigns: 2 },
    faults: {
      before: (raft, event) => {
        if (event.type === 'message' && event.message.type === 'vote-request') raft.votedFor = null
        return event
      },
    },
  },
  'vote-forgotten': {
    says: 'a disk keeps the term and forgets the vote (Raft §5.1)',
    scope: { ...NOTHING, campaigns: 2, crashes: 1 },
    faults: { forgetsVote: true },
  },
  impatient: {
    says: 'messages leave before what they promise is on the disk (Raft §5.1)',
    scope: { ...NOTHING, crashes: 1, campaigns: 2 },
    faults: { impatient: true },
  },
  'disk-lies': {
    says: 'a disk reports as durable what it has not written',
    scope: NOTHING,
    faults: { diskLies: true },
  },
  'counts-too-much': {
    says: 'a leader takes any reply for one about its whole log (Raft §5.3)',
    scope: { ...NOTHING, entries: 1 },
    faults: { before: withWholeLog },
  },
}

function withWholeLog({ log }: Raft, event: RaftEvent): RaftEvent {
  if (event.type !== 'message' || event.message.type !== 'append-reply') return event
  return { ...event, message: { ...event.message, outcome: { type: 'matched', index: log.last } } }
}
