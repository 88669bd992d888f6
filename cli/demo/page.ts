/** The page beside the demo: its processes, live, and buttons that kill them. */
import { type Lab, type LabOptions, openLab } from '../../lab/page/serve/open-lab.ts'
import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'

const PORT = 8300

/** @param busy - why nothing may be killed by hand just now; null: it may. */
export async function openDemoPage(cluster: LocalCluster, busy: () => string | null): Promise<Lab> {
  const names = new Map(
    [...cluster.coordinators, ...cluster.servers].map(({ name }) => [
      `${cluster.host(name)}:${cluster.httpPort(name)}`,
      name,
    ]),
  )
  const options: Omit<LabOptions, 'port'> = {
    watch: { addresses: [...names.keys()], names },
    controls: {
      busy,
      processes: () => cluster.processes.map(({ name, isRunning }) => ({ name, runs: isRunning })),
      kill: (name) => cluster.process(name).kill(),
      restart: async (name) => cluster.process(name).start(),
    },
  }
  try {
    return await openLab({ port: PORT, ...options })
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error
    return openLab({ port: 0, ...options })
  }
}
