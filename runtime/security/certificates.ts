/**
 * Who somebody is by his certificate, where that is asked for instead of a secret (`--tls-mutual` without `--secret-file`): one with OU=member is a process of the
 * cluster or its operator, any other a user, whose name is its CN.
 */
import { X509Certificate } from 'node:crypto'
import type { Socket } from 'node:net'
import { type PeerCertificate, TLSSocket } from 'node:tls'
import { unitsOf } from '../../client/transport/dial-socket.ts'
import { MEMBER, type Principal } from '../../protocol/access.ts'
import type { UserDirectory } from '../../protocol/scram.ts'

/** OU of all processes of a cluster. */
export const MEMBER_UNIT = 'member'

type Subject = Partial<Record<'OU' | 'CN', string | readonly string[]>>

const isMembers = (subject: Subject): boolean => unitsOf(subject).includes(MEMBER_UNIT)

/** Null: he has shown none that was verified. */
const subjectShown = (socket: Socket): Subject | null =>
  socket instanceof TLSSocket && socket.authorized ? (socket.getPeerCertificate().subject ?? null) : null

/** Whether whoever dialled has shown a member's certificate, and it was verified. */
export function isMembersSocket(socket: Socket): boolean {
  const subject = subjectShown(socket)
  return subject !== null && isMembers(subject)
}

/** @param pem - of a certificate. */
export const isMembersCertificate = (pem: string | Uint8Array): boolean =>
  isMembers((new X509Certificate(pem).toLegacyObject() as PeerCertificate).subject)

export class Certificates {
  /** Null: here only members come in. */
  readonly users: UserDirectory | null

  constructor(users: UserDirectory | null) {
    this.users = users
  }

  /** @returns who has dialled; or, as a text, why nobody whom this cluster knows. */
  principalOf(socket: Socket): Principal | string {
    const subject = subjectShown(socket)
    if (subject === null) return 'has shown no certificate'
    if (isMembers(subject)) return MEMBER
    const { CN } = subject
    if (typeof CN !== 'string') return 'its certificate names nobody: neither OU=member nor one CN'
    const found = this.users?.find(CN) ?? null
    if (found !== null) return found.principal
    return `its certificate is that of "${CN}", who is no user here: \`catenary user add\` makes one`
  }
}
