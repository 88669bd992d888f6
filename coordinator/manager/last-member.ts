import type { Member } from '../../protocol/chain-config.ts'
import type { ServerRegistration } from '../../protocol/cluster.ts'
import type { ChainCase, Change } from './chain-rules.ts'
import { compareKeys, isLive } from './view.ts'

/**
 * All serving members are gone: after a power cut, or the last one has restarted. Nobody is removed for being gone; the first that
 * comes back with its data goes on alone, as a new life in a new epoch, and the others rejoin behind it.
 *
 * Any one of them will do: commits covered what *each* serving member had on its disk, whatever epoch it had seen. Hence there is no
 * lower bound for the epoch on the disk: a member may have been cut down before it saw the newest configurations. But a directory that has seen
 * a *later* epoch than the coordinator has (whose own disk went back in time) proves that the list of serving members is not the last one.
 */
export function comeBack(chain: ChainCase): Change | null {
  const { config, view } = chain
  const serving = config.members.filter((member) => member.serving)
  const back = serving
    .map((member) => ({ member, registration: view.servers.get(member.server) }))
    .filter((one): one is Returned => one.registration !== undefined)
  const [best] = back
    .filter(({ registration }) => mayReturn(chain, registration))
    .sort((a, b) => compareKeys(rank(chain, a), rank(chain, b)))
  if (!best) {
    const awaited = serving.map(({ server }) => server).join(' or ')
    const empty = back.map(
      ({ registration }) => `${registration.server} is back, but ${whyNot(chain, registration)}`,
    )
    chain.wait(
      [`${config.chain} is down: it waits for ${awaited} to return with its data`, ...empty].join('; '),
    )
    return null
  }
  if (chain.inGrace && serving.length > 1) {
    chain.wait(
      `${config.chain} is down: ${best.member.server} may return once the new manager has looked for the others`,
    )
    return null
  }
  const { server, incarnation } = best.registration
  const others = serving.filter((member) => member !== best.member).map((member) => member.server)
  const behind = config.members.filter((member) => !member.serving && isLive(view, member))
  return {
    step: 'return',
    members: [{ server, incarnation, serving: true, leaving: false }, ...behind],
    joining: config.joining && isLive(view, config.joining) ? config.joining : null,
    reason: `${server} is back with its data and serves ${config.chain} again${
      others.length > 0 ? `; ${others.join(', ')} must rejoin` : ''
    }`,
  }
}

interface Returned {
  readonly member: Member
  readonly registration: ServerRegistration
}

/** A directory without the chain was wiped, and one that never was a member's proves nothing: neither may seed. */
const mayReturn = ({ config }: ChainCase, { holds }: ServerRegistration) => {
  const held = holds[config.chain]
  return held !== undefined && held.epoch >= 1 && held.epoch <= config.epoch
}

const whyNot = ({ config }: ChainCase, { holds }: ServerRegistration) => {
  const held = holds[config.chain]
  if (!held || held.epoch < 1) return 'without the data'
  return `its data has seen epoch ${held.epoch}, newer than the configuration (${config.epoch}): the coordinator has lost changes`
}

/** Most advanced first. */
function rank({ config }: ChainCase, { registration }: Returned): (number | string)[] {
  const held = registration.holds[config.chain]
  return [
    -(held?.epoch ?? 0),
    -(held?.last ?? 0),
    config.members.findIndex(({ server }) => server === registration.server),
  ]
}
