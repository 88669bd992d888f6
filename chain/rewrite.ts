import { asSeq, NO_SEQ } from '../protocol/ids.ts'
import type { LogRecord, Outbox } from './events.ts'
import type { Replica } from './state.ts'

/** Voids entries in the log on the disk. From here on, only a sync of what follows this record proves anything about them. */
export function persistRewrite(
  replica: Replica,
  record: Extract<LogRecord, { type: 'truncate' | 'reset' }>,
  out: Outbox,
): void {
  replica.rewrites++
  replica.walDurable = record.type === 'reset' ? NO_SEQ : asSeq(Math.min(replica.walDurable, record.to.seq))
  out.persist(record)
}
