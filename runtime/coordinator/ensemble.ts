import {
  intAt,
  JuteError,
  JuteReader,
  JuteWriter,
  type RecordOf,
  readRecord,
  record,
  writeRecord,
} from '../../protocol/zookeeper/jute.ts'

/** What all members of one ensemble share, from its first entry on. */
export interface Ensemble {
  /** Tells the data of two ensembles apart. */
  readonly id: string
  /** Key of the sessions' passwords: any member can check what another one gave out. Never shown to clients. */
  readonly secret: Uint8Array
}

/** What needs true dice and a keyed hash. */
export interface Secrets {
  newEnsemble(): Ensemble
  /** The password of a session: the same on every member, so that a client may resume anywhere. */
  passwordOf(ensemble: Ensemble, session: bigint): Uint8Array
  isPasswordOf(ensemble: Ensemble, session: bigint, password: Uint8Array | null): boolean
}

const MAGIC = 0x43544e45 // CTNE; a znode command begins with its small format number
const FORMAT = 1

const FOUNDING = record('Founding', [
  ['magic', 'int'],
  ['format', 'int'],
  ['id', 'ustring'],
  ['secret', 'buffer'],
])

/** The log entry by which a new ensemble learns its secret. Of several, the first one counts. */
export function encodeFounding({ id, secret }: Ensemble): Uint8Array {
  const writer = new JuteWriter()
  writeRecord(writer, FOUNDING, { magic: MAGIC, format: FORMAT, id, secret })
  return writer.take()
}

/**
 * @returns null for an entry of another kind.
 * @throws {JuteError} a founding entry of a format unknown here.
 */
export function decodeFounding(bytes: Uint8Array): Ensemble | null {
  if (bytes.length < 4 || intAt(bytes, 0) !== MAGIC) return null
  const { format, id, secret }: RecordOf<typeof FOUNDING> = readRecord(new JuteReader(bytes), FOUNDING)
  if (format !== FORMAT || secret === null) throw new JuteError(`unknown founding entry: format ${format}`)
  return { id, secret: secret.slice() }
}
