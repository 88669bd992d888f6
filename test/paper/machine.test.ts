import { describe, expect, test } from 'vitest'
import { Machine } from '../../lab/paper/cluster/machine.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'

function runAll(scheduler: Scheduler): void {
  while (scheduler.step());
}

describe('a machine of the simulated cluster', () => {
  test('a busy processor does one over the service time a second, fractions of microseconds included', () => {
    const scheduler = new Scheduler()
    const machine = new Machine(scheduler, { bytesPerUs: 1, jobsPerTurn: 1 })
    let done = 0
    for (let i = 0; i < 10_000; i++) machine.work(48.66, () => done++)
    while (scheduler.step(200_000));
    expect(done).toBe(Math.floor(200_000 / 48.66))
    expect(machine.busyUs).toBeGreaterThanOrEqual(done * 48.66)
  })

  test('an idle processor takes work at once', () => {
    const scheduler = new Scheduler()
    const machine = new Machine(scheduler, { bytesPerUs: 1, jobsPerTurn: 1 })
    const doneUs: number[] = []
    scheduler.at(1000, () => machine.work(30, () => doneUs.push(scheduler.nowUs)))
    scheduler.at(5000, () => machine.work(30, () => doneUs.push(scheduler.nowUs)))
    runAll(scheduler)
    expect(doneUs).toEqual([1030, 5030])
  })

  test('what waits is done in one turn, as much as a turn may have', () => {
    const scheduler = new Scheduler()
    const turns: number[] = []
    let inTurn = 0
    const machine = new Machine(scheduler, {
      bytesPerUs: 1,
      jobsPerTurn: 4,
      endTurn: () => {
        turns.push(inTurn)
        inTurn = 0
      },
    })
    for (let i = 0; i < 10; i++) machine.work(10, () => inTurn++)
    runAll(scheduler)
    expect(turns).toEqual([1, 4, 4, 1])
    expect(scheduler.nowUs).toBe(100)
  })

  test('the card sends one message behind the other', () => {
    const machine = new Machine(new Scheduler(), { bytesPerUs: 10, jobsPerTurn: 1 })
    expect(machine.sentAtUs(500)).toBe(50)
    expect(machine.sentAtUs(500)).toBe(100)
  })

  test('a machine that is switched off forgets what waited, and works again', () => {
    const scheduler = new Scheduler()
    const machine = new Machine(scheduler, { bytesPerUs: 1, jobsPerTurn: 1 })
    const done: string[] = []
    machine.work(10, () => done.push('before'))
    scheduler.at(5, () => machine.stop())
    scheduler.at(20, () => machine.work(10, () => done.push('after')))
    runAll(scheduler)
    expect(done).toEqual(['after'])
  })
})
