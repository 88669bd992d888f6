/** A thread that runs simulations, one after another. */
import { parentPort } from 'node:worker_threads'
import { simulate } from '../simulator/simulate.ts'
import { reportOf, type SeedTask } from './task.ts'

parentPort?.on('message', async ({ seed, options }: SeedTask) => {
  const began = performance.now()
  const result = await simulate({ ...options, seed })
  parentPort?.postMessage(reportOf(result, performance.now() - began))
})
