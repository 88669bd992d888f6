import type { SimulationOptions } from '../../lab/simulator/simulate.ts'

/** The command that runs a seed again, as people type it. */
export function repeatCommand(seed: number, options: Omit<SimulationOptions, 'seed' | 'trace'>): string {
  const words = [`catenary sim --seed ${seed}`]
  if (options.faults !== undefined) words.push(`--faults ${options.faults.join(',') || 'none'}`)
  if (options.servers !== undefined) words.push(`--servers ${options.servers}`)
  if (options.clients !== undefined && options.clients !== 8) words.push(`--clients ${options.clients}`)
  if (options.chains !== undefined && options.chains !== 2) words.push(`--chains ${options.chains}`)
  if (options.replication !== undefined) words.push(`--replication ${options.replication}`)
  if (options.faultSeconds !== undefined) words.push(`--duration ${options.faultSeconds}`)
  return words.join(' ')
}
