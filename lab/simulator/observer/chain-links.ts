import type { Replica } from '../../../chain/state.ts'
import type { Joiner } from '../../../protocol/chain-config.ts'
import { predecessorOf, successorOf } from '../../../protocol/chain-config.ts'
import { must } from './violation.ts'

type Find = (server: string) => Replica | null

/** What neighbours must agree on, looked at from whichever of the two has just moved (Chain Replication §3). */
export function checkLinks(replica: Replica, find: Find): void {
  const { config, self } = replica
  if (config === null || !replica.alive) return
  const above = lifeOf(predecessorOf(config, self), find)
  if (above !== null) checkPair(above, replica)
  const below = lifeOf(successorOf(config, self), find)
  if (below !== null) checkPair(replica, below)
}

function lifeOf(member: Joiner | null, find: Find): Replica | null {
  const replica = member === null ? null : find(member.server)
  return replica?.alive === true && replica.incarnation === member?.incarnation ? replica : null
}

function checkPair(above: Replica, below: Replica): void {
  if (above.config === null || above.config.epoch !== below.config?.epoch) return
  if (predecessorOf(above.config, below.self)?.server !== above.self) return
  if (above.serving && below.serving) {
    const last = below.log.lastPosition
    must(
      'UpdatePropagation',
      last.seq < above.log.base.seq || above.log.has(last),
      `${below.chain}: ${below.self}`,
      () =>
        `holds ${last.epoch}/${last.seq}, which its predecessor ${above.self} does not (${above.log.last})`,
    )
  }
  checkInprocess(above, below)
}

/** InprocessRequests: what the predecessor counts as sent and as received frames what the successor holds. */
function checkInprocess(above: Replica, below: Replica): void {
  const down = above.downstream
  const up = below.upstream
  if (down === null || up === null || !up.linked) return
  const sameLink =
    down.server === below.self &&
    up.server === above.self &&
    down.incarnation === below.incarnation &&
    up.incarnation === above.incarnation &&
    down.attempt === up.attempt
  if (!sameLink) return
  must(
    'InprocessRequests',
    down.received <= below.log.last && below.log.last <= down.sent && down.sent <= above.log.last,
    `${above.chain}: ${above.self} to ${below.self}`,
    () =>
      `received ${down.received} <= held ${below.log.last} <= sent ${down.sent} <= held above ${above.log.last} does not hold`,
  )
}
