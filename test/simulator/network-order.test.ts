import { expect, test } from 'vitest'
import { type Link, Network } from '../../lab/simulator/kernel/network.ts'
import { SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'

const MODEL = {
  latencyUs: [100, 900],
  slowShare: 0,
  breakAfterUs: [50_000, 50_000],
  dialTimeoutUs: 5_000,
} as const

/** A link over which `count` messages leave at once, and a cut of its way for a while. What is heard at the other end. */
async function sentThroughCut(options: {
  seed: number
  cutAtUs: number
  healAtUs: number
}): Promise<unknown[]> {
  const scheduler = new Scheduler()
  const kernel = {
    scheduler,
    trace: new Trace(),
    onBug: (_: unknown, error: unknown) => expect(error).toBeNull(),
  }
  const network = new Network(scheduler, new Rng(options.seed), MODEL)
  const [a, b] = ['a', 'b'].map((name) => new SimProcess(kernel, name, new Rng(7)))
  const heard: unknown[] = []
  if (a === undefined || b === undefined) throw new Error('two processes')
  let link: Link | null = null
  b.start(() =>
    network.listen(b, 'door', () => ({
      onReceive: (body) => heard.push(body),
      onDown: () => heard.push('down'),
    })),
  )
  a.start(() => {
    link = network.dial(a, 'b', 'door', { onReceive: () => {}, onDown: () => {} })
  })
  const sentAtUs = 20_000
  scheduler.at(sentAtUs, () => {
    for (let i = 1; i <= 5; i++) link?.send(i)
  })
  scheduler.at(sentAtUs + options.cutAtUs, () => network.cut('a', 'b'))
  scheduler.at(sentAtUs + options.healAtUs, () => network.heal('a', 'b'))
  scheduler.at(sentAtUs + options.healAtUs + 1, () => link?.send(6))
  await scheduler.runUntil(sentAtUs + 40_000)
  return heard
}

test('a cut that heals while messages are still on the way turns no order round', async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const rng = new Rng(seed)
    const cutAtUs = rng.between(1, 800)
    const healAtUs = cutAtUs + rng.between(1, 400)
    expect(await sentThroughCut({ seed, cutAtUs, healAtUs }), `seed ${seed}`).toEqual([1, 2, 3, 4, 5, 6])
  }
})
