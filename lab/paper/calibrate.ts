/** From what a comparison has measured to the prices of a simulation. */
import type { Point, Results, Run } from '../compare/results.ts'
import type { MeasuredNumbers } from './cluster/costs.ts'

/** An ack is a watermark for a whole batch: what part of the head's CPU time it takes cannot be told from outside. */
const ACK_SHARE = 0.1

/**
 * CPU per operation at one server, from the server processes' CPU time under reads alone and under writes alone, and the latency of a message from one
 * read at a time. What `results` does not hold is absent.
 *
 * @example
 * const costs = measuredCosts(measuredNumbers(results))
 */
export function measuredNumbers(results: Results, system = 'catenary-craq'): MeasuredNumbers {
  const headline = results.points.filter(
    (point) => point.system === system && point.experiment === 'headline',
  )
  const strong = headline.filter(({ level }) => level === 'linearizable')
  const reads = busiest(strong.filter((point) => point.workload.shares.read === 1))
  const writes = busiest(headline.filter((point) => point.workload.shares.update === 1))
  const idle = strong.find(
    ({ workload, loop }) => workload.shares.read === 1 && loop.type === 'closed' && loop.outstanding === 1,
  )
  const readUs = reads === null ? null : median(reads.runs.map((run) => sum(perServerUs(run))))
  const roundTripUs = idle === undefined ? null : median(idle.runs.map((run) => run.load.all.p50Us))
  return {
    ...(readUs === null ? {} : { readUs }),
    ...(writes === null ? {} : writeNumbers(writes)),
    ...(readUs === null || roundTripUs === null
      ? {}
      : { latencyUs: Math.max(1, (roundTripUs - readUs) / 2) }),
  }
}

/** The head does the most for a write, the tail the least. */
function writeNumbers(point: Point): MeasuredNumbers {
  const headUs = median(point.runs.map((run) => Math.max(...perServerUs(run))))
  const tailUs = median(point.runs.map((run) => Math.min(...perServerUs(run))))
  if (headUs === null || tailUs === null) return {}
  const ackUs = headUs * ACK_SHARE
  return { writeUs: headUs - ackUs, ackUs, appendUs: tailUs }
}

/** CPU of each server process for one operation of the run, in microseconds; coordinators take no part in any. */
function perServerUs({ load, serverCpuSeconds }: Run): readonly number[] {
  const operations = Math.max(1, load.perSecond * load.seconds)
  const servers = Object.entries(serverCpuSeconds).filter(([name]) => !name.startsWith('coordinator'))
  const each = servers.map(([, seconds]) => (seconds * 1e6) / operations)
  const most = Math.max(...each)
  return each.filter((us) => us > most / 20)
}

function busiest(points: readonly Point[]): Point | null {
  const outstanding = ({ loop }: Point) => (loop.type === 'closed' ? loop.outstanding : 0)
  const usable = points.filter(({ runs }) => runs.some((run) => Object.keys(run.serverCpuSeconds).length > 0))
  return usable.toSorted((a, b) => outstanding(b) - outstanding(a))[0] ?? null
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

function median(values: readonly number[]): number | null {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
