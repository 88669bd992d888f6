import type { LocalCluster } from '../../runtime/processes/local-cluster.ts'

/**
 * What processes wrote that says that they met a bug: a line of pino's level 60, or anything that is no log line at all, such as a stack trace.
 *
 * @param metFullDisks - processes that did. What libraries print of that, and a start that is refused for it, is as it should be.
 */
export function findStumbles(cluster: LocalCluster, metFullDisks: ReadonlySet<string>): string[] {
  return cluster.processes.flatMap(({ name, log }) => {
    const isBad = metFullDisks.has(name) ? isFatal : (line: string) => isFatal(line) || isForeign(line)
    const bad = log.split('\n').find(isBad)
    return bad === undefined ? [] : [`${name} stumbled: ${bad.slice(0, 500)}`]
  })
}

const isFatal = (line: string) => line.startsWith('{"level":60')
const isForeign = (line: string) => line !== '' && !line.startsWith('{"level":')
