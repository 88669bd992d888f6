import type { Ensemble, Secrets } from '../../../runtime/coordinator/ensemble.ts'
import type { Rng } from '../kernel/rng.ts'

const PASSWORD_BYTES = 16

/** Secrets that are none: dice from a seed, and a hash that anybody can turn round. Nobody attacks a simulation. */
export function simSecrets(rng: Rng): Secrets {
  return {
    newEnsemble: () => ({
      id: `ensemble-${rng.below(2 ** 32).toString(16)}`,
      secret: Uint8Array.from({ length: PASSWORD_BYTES }, () => rng.below(256)),
    }),
    passwordOf,
    isPasswordOf: (ensemble, session, password) =>
      password?.length === PASSWORD_BYTES &&
      passwordOf(ensemble, session).every((byte, n) => byte === password[n]),
  }
}

function passwordOf({ secret }: Ensemble, session: bigint): Uint8Array {
  const low = Number(BigInt.asUintN(32, session))
  const high = Number(BigInt.asUintN(32, session >> 32n))
  let hash = low ^ Math.imul(high, 0x9e3779b1)
  return secret.slice(0, PASSWORD_BYTES).map((byte) => {
    hash = Math.imul(hash ^ byte, 0x01000193)
    return hash >>> 24
  })
}
