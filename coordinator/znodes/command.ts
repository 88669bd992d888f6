import {
  encoded,
  JuteError,
  JuteReader,
  type Layout,
  putLong,
  type RecordOf,
  readRecord,
  record,
  writeFields,
  writeRecord,
} from '../../protocol/zookeeper/jute.ts'
import { OPS, type WriteOpName, type WriteRequest } from '../../protocol/zookeeper/ops.ts'
import { EMPTY, PATH_RECORD } from '../../protocol/zookeeper/records.ts'
import { type Identities, identitiesFrom } from './identities.ts'
import type { Owner } from './tree.ts'

/** What the log carries: one change to the tree or to its sessions. */
export interface Command {
  /** Set by the leader when it proposes (`stampTime`): ctime and mtime of what the command touches. */
  readonly timeWallMs: number
  /** 0n for create-session and noop. */
  readonly session: bigint
  /** The connection that asks. `null` only for what the ensemble itself does: expire-session, reap and noop. */
  readonly owner: Owner | null
  /**
   * Position among the writes of this owner: 1, 2, ... A command that is not the next one is ignored, so that a member
   * may forward again whatever it is unsure of. 0 for create-session, resume-session and what has no owner.
   */
  readonly order: number
  /**
   * Of the connection, when the request came: ACLs are checked against them. `null`: nothing is checked, because nobody asks, or
   * because the entry is of a format that knew no identities.
   */
  readonly identities: Identities | null
  readonly op: CommandOp
}

export type CommandOp =
  | WriteRequest
  | ({ readonly type: 'create-session' } & RecordOf<typeof TIMEOUT>)
  /** Moves the session to `owner` (its password was checked by the door), with a timeout negotiated anew. */
  | ({ readonly type: 'resume-session' } & RecordOf<typeof TIMEOUT>)
  | { readonly type: 'expire-session' }
  /** Deletes a container or TTL znode, if its time has come: that is judged again when this is applied. */
  | ({ readonly type: 'reap' } & RecordOf<typeof PATH_RECORD>)
  /** The leader gives up the `reconfig` that is under way: too few of the members that it wants are there. */
  | { readonly type: 'abandon-reconfig' }
  | { readonly type: 'noop' }

const TIMEOUT = record('Timeout', [['timeoutMs', 'int']])

const clientOp = <N extends WriteOpName>(name: N) => ({ code: OPS[name].code, layout: OPS[name].request })

/** Codes of the operations in the log: those of the protocol, and below -1000 our own. */
const COMMAND_OPS: { readonly [N in CommandOp['type']]: { readonly code: number; readonly layout: Layout } } =
  {
    create: clientOp('create'),
    create2: clientOp('create2'),
    delete: clientOp('delete'),
    setData: clientOp('setData'),
    check: clientOp('check'),
    multi: clientOp('multi'),
    setACL: clientOp('setACL'),
    createContainer: clientOp('createContainer'),
    createTTL: clientOp('createTTL'),
    reconfig: clientOp('reconfig'),
    closeSession: clientOp('closeSession'),
    noop: { code: -1000, layout: EMPTY },
    'create-session': { code: -1001, layout: TIMEOUT },
    'resume-session': { code: -1002, layout: TIMEOUT },
    'expire-session': { code: -1003, layout: EMPTY },
    reap: { code: -1004, layout: PATH_RECORD },
    'abandon-reconfig': { code: -1005, layout: EMPTY },
  }

const names = Object.keys(COMMAND_OPS) as CommandOp['type'][]
const byCode = new Map(names.map((name) => [COMMAND_OPS[name].code, name]))

/** The first format is that of entries without identities. */
const FORMATS = { anonymous: 1, identified: 2 } as const
const HEADER = record('CommandHeader', [
  ['format', 'int'],
  ['timeWallMs', 'long'],
  ['session', 'id'],
  ['member', 'int'], // 0: no owner
  ['connection', 'long'],
  ['order', 'long'],
  ['code', 'int'],
])
const TIME_OFFSET = 4

export function encodeCommand(command: Command): Uint8Array {
  const { owner, op, identities } = command
  const row = COMMAND_OPS[op.type]
  return encoded((writer) => {
    writeRecord(writer, HEADER, {
      format: identities === null ? FORMATS.anonymous : FORMATS.identified,
      timeWallMs: command.timeWallMs,
      session: command.session,
      member: owner?.member ?? 0,
      connection: owner?.connection ?? 0,
      order: command.order,
      code: row.code,
    })
    if (identities !== null) writer.ustring(identities)
    writeFields(writer, row.layout, op)
  })
}

/**
 * Buffers in the result are views of `bytes`.
 *
 * @throws {JuteError} these bytes are no command of a format known here.
 */
export function decodeCommand(bytes: Uint8Array): Command {
  const reader = new JuteReader(bytes)
  const { format, timeWallMs, session, member, connection, order, code } = readRecord(reader, HEADER)
  if (format !== FORMATS.anonymous && format !== FORMATS.identified)
    throw new JuteError(`unknown command format: ${format}`)
  const identities = format === FORMATS.anonymous ? null : identitiesFrom(reader.ustring())
  const type = byCode.get(code)
  if (type === undefined) throw new JuteError(`unknown command: ${code}`)
  const op = { type, ...readRecord(reader, COMMAND_OPS[type].layout) } as CommandOp
  if (reader.remaining > 0) throw new JuteError(`${reader.remaining} bytes after the command`)
  const owner = member === 0 ? null : { member, connection }
  return { timeWallMs, session, owner, order, identities, op }
}

/** Writes the leader's wall clock into an encoded command, in place, without decoding it. */
export function stampTime(command: Uint8Array, timeWallMs: number): void {
  putLong(command, TIME_OFFSET, timeWallMs)
}
