/** What is kept of passwords is SCRAM's record (protocol/scram.ts). By it one can be recognised that is said in plain, too. */
import { pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { NODE_SCRAM } from '../../client/transport/node-scram.ts'
import { ITERATIONS, recordOf, type ScramRecord } from '../../protocol/scram.ts'

/** In the thread pool: the event loop goes on meanwhile. */
const derive = promisify(pbkdf2)

const SALT_BYTES = 16
const KEY_BYTES = 32

/** @returns what is kept of a new password: never the same twice. */
export const newRecord = (password: string, iterations = ITERATIONS): Promise<ScramRecord> =>
  recordWith(password, { salt: randomBytes(SALT_BYTES), iterations })

export async function isPasswordOf(record: ScramRecord, password: string): Promise<boolean> {
  const { storedKey } = await recordWith(password, record)
  return timingSafeEqual(storedKey, record.storedKey)
}

async function recordWith(
  password: string,
  { salt, iterations }: Pick<ScramRecord, 'salt' | 'iterations'>,
): Promise<ScramRecord> {
  const salted = await derive(password, salt, iterations, KEY_BYTES, 'sha256')
  return recordOf(NODE_SCRAM, { salted, salt, iterations })
}
