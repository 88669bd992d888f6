import type { SimCluster } from './cluster.ts'
import type { FaultTarget } from './faults/target.ts'

/** What the nemesis may do to a cluster. */
export function faultTargetOf(cluster: SimCluster): FaultTarget {
  const server = (name: string) => cluster.servers.find((one) => one.name === name)
  const coordinator = (name: string) => cluster.coordinators.find((one) => one.name === name)
  return {
    scheduler: cluster.scheduler,
    network: cluster.network,
    sight: cluster.sight,
    clients: [
      ...cluster.clients.map(({ process }) => process.name),
      ...cluster.znodeClients.map(({ name }) => name),
    ],
    chains: cluster.chains,
    note: (text) => cluster.trace.add(cluster.scheduler.nowUs, 'nemesis', text),
    config: (chain) => cluster.config(chain),
    manager: () => [...cluster.managers].find(([, manager]) => manager.status().leads)?.[0] ?? null,
    process: (name) => cluster.process(name),
    disk: (name) => server(name)?.disk ?? coordinator(name)?.disk ?? null,
    start: (name) => cluster.start(name),
    rot: (name) => {
      server(name)?.rot()
      coordinator(name)?.rot('log')
    },
    wipe: (name) => {
      server(name)?.wipe()
      coordinator(name)?.wipe()
      cluster.observer.wiped(name)
    },
    harshRaft: (model) => cluster.harsh.set(model),
    addServer: () => {
      if (cluster.servers.length >= cluster.shape.serversMax) return null
      const added = cluster.addServer()
      added.boot()
      return added.name
    },
    drain: (name) => cluster.operator.drain(name),
    undrain: (name) => cluster.operator.undrain(name),
    override: (chain) => override(cluster, chain),
    burst: (name, requests) => {
      const index = cluster.clients.findIndex(({ process }) => process.name === name)
      cluster.workloads[index]?.burst(requests)
      cluster.znodeClients.find((one) => one.name === name)?.burst(requests)
    },
  }
}

/** The server with the newest data of those that are up seeds the chain. Refused, as by the manager, while a member lives. */
function override(cluster: SimCluster, chain: string): boolean {
  const config = cluster.observer.config(chain)
  if (config === null) return false
  const isUp = (name: string) => cluster.process(name)?.alive === true
  if (config.members.some(({ server, serving }) => serving && isUp(server))) return false
  const held = cluster.servers
    .filter(({ name }) => isUp(name))
    .map((server) => ({
      server,
      last: [...(server.replicas ?? [])].find(([id]) => id === chain)?.[1].log.last ?? -1,
    }))
    .filter(({ last }) => last >= 0)
    .sort((a, b) => b.last - a.last)
  const best = held[0]?.server
  if (best === undefined) return false
  cluster.observer.overridden(chain)
  cluster.operator.reset(config, best.name)
  return true
}
