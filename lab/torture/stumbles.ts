import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'

/** A process that is started on a full disk says so in a sentence and ends, as it should. */
const EXPECTED = /^catenary: .*ENOSPC/

/** What processes wrote that says that they met a bug: a line of pino's level 60, or anything that is no log line at all, such as a stack trace. */
export function findStumbles(cluster: LocalCluster): string[] {
  return cluster.processes.flatMap(({ name, log }) => {
    const bad = log.split('\n').find(isBad)
    return bad === undefined ? [] : [`${name} stumbled: ${bad.slice(0, 500)}`]
  })
}

const isBad = (line: string) =>
  line !== '' && !EXPECTED.test(line) && (!line.startsWith('{"level":') || line.startsWith('{"level":60'))
