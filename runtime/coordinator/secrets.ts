import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Ensemble, Secrets } from './ensemble.ts'

const SECRET_BYTES = 32
const PASSWORD_BYTES = 16

export const SECRETS: Secrets = {
  newEnsemble: () => ({ id: randomUUID(), secret: randomBytes(SECRET_BYTES) }),
  passwordOf,
  isPasswordOf: (ensemble, session, password) =>
    password?.length === PASSWORD_BYTES && timingSafeEqual(password, passwordOf(ensemble, session)),
}

function passwordOf({ secret }: Ensemble, session: bigint): Uint8Array {
  const id = Buffer.alloc(8)
  id.writeBigInt64BE(session)
  return createHmac('sha256', secret).update(id).digest().subarray(0, PASSWORD_BYTES)
}
