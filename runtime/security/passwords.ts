/** What is kept of passwords: the records of SCRAM-SHA-256 (RFC 5802 §3, RFC 7677), by which one can be recognised that is said in plain, too. */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

/** In the thread pool: the event loop goes on meanwhile. */
const derive = promisify(pbkdf2)

export interface PasswordRecord {
  readonly salt: Uint8Array
  /** Of PBKDF2. */
  readonly iterations: number
  readonly storedKey: Uint8Array
  readonly serverKey: Uint8Array
}

/** Some 50 ms of one core for whoever guesses; whoever logs in pays it once a process. */
const ITERATIONS = 100_000
const SALT_BYTES = 16
const HASH_BYTES = 32

/** @returns what is kept of a new password: never the same twice. */
export async function newRecord(password: string, iterations = ITERATIONS): Promise<PasswordRecord> {
  const salt = randomBytes(SALT_BYTES)
  const salted = await derive(password, salt, iterations, HASH_BYTES, 'sha256')
  return { salt, iterations, storedKey: storedKeyOf(salted), serverKey: hmac(salted, 'Server Key') }
}

export async function isPasswordOf(record: PasswordRecord, password: string): Promise<boolean> {
  const { salt, iterations, storedKey } = record
  const salted = await derive(password, salt, iterations, HASH_BYTES, 'sha256')
  return timingSafeEqual(storedKeyOf(salted), storedKey)
}

const hmac = (key: Uint8Array, text: string): Buffer => createHmac('sha256', key).update(text).digest()

const storedKeyOf = (salted: Uint8Array): Buffer =>
  createHash('sha256').update(hmac(salted, 'Client Key')).digest()
