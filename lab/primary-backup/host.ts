import type { ReplicaStatus } from '../../chain/configuration.ts'
import { replicaStatus } from '../../chain/configuration.ts'
import type { LogRecord, ReplicaEvent } from '../../chain/events.ts'
import { restoreReplica } from '../../chain/restore.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import {
  type HostedReplica,
  type HostOptions,
  heldBy,
  OutboxHost,
} from '../../runtime/server/replica-host.ts'
import { createPrimaryBackup, isPrimary, type PrimaryBackup, primaryFirst } from './state.ts'
import { step } from './step.ts'

/** A primary or a backup in a data server. */
export class PrimaryBackupHost extends OutboxHost {
  readonly star: PrimaryBackup

  constructor(options: HostOptions) {
    super(options)
    this.star = createPrimaryBackup(options)
  }

  get config(): ChainConfig | null {
    return this.star.config === null ? null : primaryFirst(this.star.config)
  }

  get held(): HostedReplica['held'] {
    return heldBy(this.star.replica)
  }

  get status(): ReplicaStatus {
    const { star, config } = this
    const status = replicaStatus(star.replica)
    const role = isPrimary(star) ? 'primary' : status.role === 'joining' ? 'joining' : 'backup'
    return { ...status, role, members: config?.members ?? [], joining: config?.joining ?? null }
  }

  restore(records: readonly LogRecord[]): void {
    restoreReplica(this.star.replica, records, this)
  }

  protected run(event: ReplicaEvent): void {
    step(this.star, event, this)
  }
}
