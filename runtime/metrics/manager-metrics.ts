/** What a manager tells Prometheus: one of its own, or the one in a coordinator's process. */
import type { ManagerStatus } from '../manager/manager-loop.ts'
import { type Family, MetricPage, type Row } from './metric-page.ts'

export interface ManagerSight {
  /** Null: there is no manager in this process. */
  readonly manager: ManagerStatus | null
}

const rowOf = ({ manager }: ManagerSight, value: (manager: ManagerStatus) => number): readonly Row[] =>
  manager === null ? [] : [[{}, value(manager)]]

export const MANAGER_FAMILIES: readonly Family<ManagerSight>[] = [
  {
    type: 'gauge',
    name: 'catenary_manager_leads',
    help: '1 at the manager that is in office',
    rows: (sight) => rowOf(sight, ({ leads }) => (leads ? 1 : 0)),
  },
  {
    type: 'gauge',
    name: 'catenary_manager_connected',
    help: '1 while it has its session with the coordinators',
    rows: (sight) => rowOf(sight, ({ session }) => (session === 'connected' ? 1 : 0)),
  },
  {
    type: 'counter',
    name: 'catenary_manager_changes_total',
    help: 'Configurations that it has written',
    rows: (sight) => rowOf(sight, ({ changes }) => changes),
  },
  {
    type: 'gauge',
    name: 'catenary_manager_waiting_chains',
    help: 'Chains that need something which the manager cannot give them; /status says what',
    rows: (sight) => rowOf(sight, ({ waiting }) => new Set(waiting.map(({ chain }) => chain)).size),
  },
]

export const managerMetrics = (look: () => ManagerSight): MetricPage<ManagerSight> =>
  new MetricPage(MANAGER_FAMILIES, look)
