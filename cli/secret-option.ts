/** The cluster's secret, for members of it and for the operator's tools. */
import { type ClusterSecret, readSecretFile } from '../runtime/security/secret.ts'

export const secretOption = {
  'secret-file': {
    type: 'string',
    requiresArg: true,
    describe:
      'File with the secret that all processes of the cluster share; clients then have to be users. `catenary secret` prints one',
    defaultDescription: 'none: everybody may do everything',
  },
} as const

/** For processes that may hold the manager. */
export const formerSecretOption = {
  'former-secret-file': {
    type: 'string',
    requiresArg: true,
    describe: 'With a new --secret-file: the one before, by which the coordinators’ tree is still closed',
  },
} as const

export interface SecretArguments {
  readonly 'secret-file'?: string | undefined
  readonly 'former-secret-file'?: string | undefined
}

/** @throws it cannot be read, or is no secret. */
export const secretOf = (args: SecretArguments): ClusterSecret | null =>
  args['secret-file'] === undefined ? null : readSecretFile(args['secret-file'])

/** @throws as `secretOf`. */
export const formerSecretOf = (args: SecretArguments): ClusterSecret | null =>
  args['former-secret-file'] === undefined ? null : readSecretFile(args['former-secret-file'])
