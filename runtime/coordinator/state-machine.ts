/** The replicated state at this member: the znode tree, and what the ensemble shares besides. Entries in, in log order. */
import { asLogIndex } from '../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../coordinator/raft/log.ts'
import { decodeMembership, encodeMembership, type Membership } from '../../coordinator/raft/membership.ts'
import { EMPTY_SNAPSHOT } from '../../coordinator/raft/state.ts'
import { type ApplyResult, apply } from '../../coordinator/znodes/apply.ts'
import { type Command, decodeCommand } from '../../coordinator/znodes/command.ts'
import { applyConfiguration } from '../../coordinator/znodes/reconfig.ts'
import { restoreTree } from '../../coordinator/znodes/snapshot.ts'
import { SnapshotWalk } from '../../coordinator/znodes/snapshot-walk.ts'
import { newTree, type ZnodeTree } from '../../coordinator/znodes/tree.ts'
import { invariant } from '../../protocol/invariants.ts'
import {
  JuteError,
  JuteReader,
  JuteWriter,
  readRecord,
  record,
  writeRecord,
} from '../../protocol/zookeeper/jute.ts'
import { decodeFounding, type Ensemble } from './ensemble.ts'
import { ensembleRowsOf } from './member-addresses.ts'

/** What the log holds that is no client's: a leader's first entry, the founding of the ensemble. */
const NOTHING: Command = {
  timeWallMs: 0,
  session: 0n,
  owner: null,
  order: 0,
  identities: null,
  op: { type: 'noop' },
}

/** Before the tree's own bytes. */
const HEADER = record('StateHeader', [
  ['format', 'int'],
  ['ensembleId', 'ustring'],
  ['secret', 'buffer'],
])
/** The second format adds who belongs to the ensemble, and what a `reconfig` under way wants. */
const FORMATS = { first: 1, members: 2 } as const
const MEMBERS = record('Members', [
  ['index', 'long'],
  ['members', 'buffer'],
  ['reconfig', 'ustring'],
])

export interface StateSnapshot {
  readonly meta: SnapshotMeta
  /** The next bytes, a few milliseconds' worth; null: that was all; `void`: the state was replaced meanwhile. */
  next(): Uint8Array | null | 'void'
}

export class StateMachine {
  #tree: ZnodeTree = newTree()
  #ensemble: Ensemble | null = null
  #applied: SnapshotMeta = EMPTY_SNAPSHOT
  #membership: Membership | null = null
  /** The snapshot that is being taken. */
  #walk: SnapshotWalk | null = null
  #entriesSince = 0
  #bytesSince = 0

  get tree(): ZnodeTree {
    return this.#tree
  }

  /** `null` until the first leader's first entry has been applied. */
  get ensemble(): Ensemble | null {
    return this.#ensemble
  }

  get applied(): SnapshotMeta {
    return this.#applied
  }

  /** Who belongs to the ensemble, as far as that is committed; null: nobody has written it down. */
  get membership(): Membership | null {
    return this.#membership
  }

  /** What a restart would have to apply again. */
  get sinceSnapshot(): { readonly entries: number; readonly bytes: number } {
    return { entries: this.#entriesSince, bytes: this.#bytesSince }
  }

  /** Applies one committed entry. Every entry has its zxid, also one that changes nothing. */
  apply({ index, term, command: bytes }: LogEntry): {
    readonly command: Command
    readonly result: ApplyResult
  } {
    const founding = bytes === null ? null : decodeFounding(bytes)
    this.#ensemble ??= founding
    const members = decodeMembership(bytes)
    const isOurs = bytes === null || founding !== null || members !== null
    const command = isOurs ? NOTHING : decodeCommand(bytes)
    this.#walk?.keep(command)
    let result = apply(this.#tree, index, command)
    if (members !== null) {
      this.#membership = { index, members }
      const rows = ensembleRowsOf(members)
      result = { ...result, ...applyConfiguration(this.#tree, { rows, zxid: index }) }
    }
    this.#applied = { lastIndex: index, lastTerm: term }
    this.#entriesSince += 1
    this.#bytesSince += bytes?.length ?? 0
    return { command, result }
  }

  /**
   * A snapshot of the state as it is now, in slices: further entries may be applied between them. One at a time; the one before is void.
   * The count of what has come since starts anew.
   */
  beginSnapshot(): StateSnapshot {
    const walk = new SnapshotWalk(this.#tree)
    this.#walk = walk
    this.#entriesSince = 0
    this.#bytesSince = 0
    const head = this.#head()
    let begun = false
    return {
      meta: this.#applied,
      next: () => {
        if (this.#walk !== walk) return 'void'
        if (!begun) {
          begun = true
          return head
        }
        const slice = walk.next()
        if (slice === null) this.#walk = null
        return slice
      },
    }
  }

  /** Its length, then what is not the tree's. */
  #head(): Uint8Array {
    const header = new JuteWriter()
    writeRecord(header, HEADER, {
      format: FORMATS.members,
      ensembleId: this.#ensemble?.id ?? '',
      secret: this.#ensemble?.secret ?? null,
    })
    writeRecord(header, MEMBERS, {
      index: this.#membership?.index ?? 0,
      members: this.#membership === null ? null : encodeMembership(this.#membership.members),
      reconfig: this.#tree.reconfig ?? '',
    })
    const bytes = new Uint8Array(4 + header.length)
    new DataView(bytes.buffer).setUint32(0, header.length)
    bytes.set(header.take(), 4)
    return bytes
  }

  /** @throws {JuteError} not the bytes of a state. */
  restore({ meta, body }: { readonly meta: SnapshotMeta; readonly body: Uint8Array }): void {
    const headerBytes = new DataView(body.buffer, body.byteOffset, body.byteLength).getUint32(0)
    const reader = new JuteReader(body.subarray(4, 4 + headerBytes))
    const { format, ensembleId, secret } = readRecord(reader, HEADER)
    if (format !== FORMATS.first && format !== FORMATS.members)
      throw new JuteError(`unknown snapshot format: ${format}`)
    const stored = format === FORMATS.members ? readRecord(reader, MEMBERS) : null
    const members = decodeMembership(stored?.members ?? null)
    const tree = restoreTree(body.subarray(4 + headerBytes))
    invariant(
      'StateMachineSafety',
      tree.zxid === meta.lastIndex,
      () => `snapshot of ${meta.lastIndex} holds the state at ${tree.zxid}`,
    )
    tree.reconfig = stored?.reconfig || null
    this.#tree = tree
    this.#walk = null
    this.#membership = members === null ? null : { index: asLogIndex(stored?.index ?? 0), members }
    this.#ensemble = secret === null ? null : { id: ensembleId, secret: secret.slice() }
    this.#applied = meta
    this.#entriesSince = 0
    this.#bytesSince = 0
  }
}
