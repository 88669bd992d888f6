import type { ChainConfig } from '../../protocol/chain-config.ts'
import { asEpoch, type ChainId } from '../../protocol/ids.ts'
import { evenSlotRanges } from '../../protocol/slots.ts'
import { type ChainView, isLive, type ManagerView } from './view.ts'

export type ResetOutcome =
  | { readonly config: ChainConfig; readonly reason: string }
  | { readonly refused: string }

/**
 * The operator's override: the one way in which a server that is not the last serving member may seed a chain. What only the members it
 * replaces held is lost. Refused while a member lives, because that one may hold more, and may still answer reads under its lease.
 */
export function resetChain(
  view: ManagerView,
  chain: ChainId,
  chainView: ChainView,
  index: number,
): ResetOutcome {
  const { config, reset } = chainView
  if (!reset) return { refused: `${chain}: no reset was ordered` }
  const seed = view.servers.get(reset.server)
  if (!seed) return { refused: `reset of ${chain}: ${reset.server} is not registered` }
  if (reset.incarnation !== null && reset.incarnation !== seed.incarnation) {
    return {
      refused: `reset of ${chain}: ${reset.server} has restarted since (incarnation ${seed.incarnation}, not ${reset.incarnation})`,
    }
  }
  const alive = config?.members.find(
    (member) => isLive(view, member) && (member.serving || member.server !== seed.server),
  )
  if (alive)
    return { refused: `reset of ${chain}: member ${alive.server} is alive; stop or drain it instead` }
  const held = seed.holds[chain]
  const what = held ? `epoch ${held.epoch}, last ${held.last}, commit ${held.commit}` : 'NOTHING of it'
  // Beyond every epoch that anybody has seen, also where the coordinator's own memory was lost.
  const epochs = [...view.servers.values()].map(({ holds }) => holds[chain]?.epoch ?? 0)
  const lost = config ? config.members.map(({ server }) => server).join(', ') : 'nobody'
  return {
    config: {
      chain,
      epoch: asEpoch(Math.max(config?.epoch ?? 0, ...epochs) + 1),
      members: [{ server: seed.server, incarnation: seed.incarnation, serving: true, leaving: false }],
      joining: null,
      slots: config?.slots ?? evenSlotRanges(view.options.chainCount).slice(index, index + 1),
    },
    reason: `OPERATOR RESET of ${chain}: ${seed.server} seeds it, holding ${what}; whatever only its former members (${lost}) held is lost`,
  }
}
