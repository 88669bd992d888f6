import type { DataServerStatus } from './data-server.ts'

/**
 * Whether a data server serves all that it is meant to: what `/readyz` says, and what a rolling restart waits for before it goes on to the next one. A lease is not
 * asked for: without the coordinators it serves on, through the chain. A spare, in no chain and not needed in any, is ready.
 *
 * @returns null where it is ready, else the reason.
 */
export function unreadyReason(status: DataServerStatus, replicationFactor: number): string | null {
  if (status.storage !== 'ok') return `the disk failed: ${status.storage}`
  if (!status.admitted) return 'the coordinators have not admitted this life yet'
  for (const { chain, members, serving, leaving, role, epoch, holdsData } of status.replicas) {
    if (role === 'joining') return `${chain}: joining, it is being copied`
    if (members.some((member) => member.server === status.server)) {
      if (leaving) return `${chain}: leaving`
      if (!serving) return `${chain}: a member, not serving yet`
    } else if (holdsData && epoch === 0) return `${chain}: its configuration is not known here yet`
    else if (holdsData && members.filter((member) => member.serving).length < replicationFactor)
      return `${chain}: short of members, and this server is none of them yet`
  }
  return null
}
