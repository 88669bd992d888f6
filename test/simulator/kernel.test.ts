import { describe, expect, test } from 'vitest'
import { SimDisk, SimLog } from '../../lab/simulator/kernel/disk.ts'
import { Network } from '../../lab/simulator/kernel/network.ts'
import { type Kernel, SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'
import { SimTransport } from '../../lab/simulator/kernel/transport.ts'

const MODEL = {
  latencyUs: [100, 200],
  slowShare: 0,
  breakAfterUs: [5_000, 5_000],
  dialTimeoutUs: 1_000,
} as const

function world(turnUs?: number) {
  const scheduler = new Scheduler()
  const rng = new Rng(1)
  const bugs: unknown[] = []
  const kernel: Kernel = {
    scheduler,
    trace: new Trace(),
    onBug: (_, error) => bugs.push(error),
    ...(turnUs === undefined ? {} : { turnUs }),
  }
  const network = new Network(scheduler, rng.fork('network'), MODEL)
  const processes: SimProcess[] = []
  const make = (name: string) => {
    const made = new SimProcess(kernel, name, rng.fork(name))
    processes.push(made)
    return made
  }
  return { scheduler, kernel, network, bugs, make }
}

/** A node that notes what it hears. */
function node(w: ReturnType<typeof world>, name: string) {
  const process = w.make(name)
  const heard: string[] = []
  let transport: SimTransport | null = null
  const boot = () =>
    process.start(() => {
      transport = new SimTransport({
        network: w.network,
        process,
        door: 'peer',
        listens: true,
        events: {
          onBody: (from, body) => heard.push(`${from}:${body}`),
          onDown: (peer, reason) => heard.push(`${peer} down: ${reason}`),
        },
      })
    })
  boot()
  return { process, heard, boot, send: (to: string, body: unknown) => transport?.send(to, body) }
}

describe('time', () => {
  test('events happen in the order of time, those of one moment in the order of planning', async () => {
    const { scheduler } = world()
    const seen: string[] = []
    scheduler.at(20, () => seen.push('c'))
    scheduler.at(10, () => {
      seen.push('a')
      scheduler.at(10, () => seen.push('b'))
    })
    scheduler.at(15, () => seen.push('never')).cancel()
    await scheduler.runUntil(100)
    expect(seen).toEqual(['a', 'b', 'c'])
    expect(scheduler.nowUs).toBe(100)
  })

  test('promises are settled before the next event', async () => {
    const { scheduler } = world()
    const seen: string[] = []
    scheduler.at(1, () => {
      scheduler.promised()
      void (async () => {
        for (let i = 0; i < 10; i++) await null
        seen.push('promise')
      })()
    })
    scheduler.at(1, () => seen.push('next event'))
    await scheduler.runUntil(2)
    expect(seen).toEqual(['promise', 'next event'])
  })

  test('a clock that runs fast fires its timers early, in true time', async () => {
    const { scheduler, make } = world()
    const fast = make('fast')
    let firedUs = 0
    fast.start(() => {
      fast.setClockRate(1.25)
      fast.timers.after(100, () => {
        firedUs = scheduler.nowUs
      })
    })
    await scheduler.runUntil(1_000_000)
    expect(firedUs).toBe(80_000)
    expect(fast.nowMs()).toBeCloseTo(1250, 3)
  })
})

describe('turns', () => {
  test('a turn gathers what arrives at about the same moment', async () => {
    const { scheduler, make } = world(20)
    const it = make('it')
    const seen: string[] = []
    const end = () => seen.push(`end at ${scheduler.nowUs}`)
    it.start(() => {})
    for (const atUs of [100, 110, 200])
      scheduler.at(atUs, () =>
        it.run(() => {
          seen.push(`event at ${scheduler.nowUs}`)
          it.atTurnEnd(end)
        }),
      )
    await scheduler.runUntil(1_000)
    expect(seen).toEqual(['event at 100', 'event at 110', 'end at 120', 'event at 200', 'end at 220'])
  })

  test('where turns gather nothing, each event is one, and costs no other event', async () => {
    const { scheduler, make } = world(0)
    const it = make('it')
    const seen: string[] = []
    const second = () => seen.push('second end')
    const first = () => {
      seen.push('first end')
      it.atTurnEnd(second)
      it.atTurnEnd(second)
    }
    it.start(() => {})
    const before = scheduler.count
    scheduler.at(100, () =>
      it.run(() => {
        it.atTurnEnd(first)
        it.atTurnEnd(first)
        seen.push('event')
      }),
    )
    await scheduler.runUntil(1_000)
    expect(seen).toEqual(['event', 'first end', 'second end'])
    expect(scheduler.count - before).toBe(1)
  })

  test('no turn outlives its process, and none goes on for ever', async () => {
    const { scheduler, make, bugs } = world(0)
    const it = make('it')
    const seen: string[] = []
    it.start(() => {
      it.atTurnEnd(() => it.crash())
      it.atTurnEnd(() => seen.push('after the end'))
    })
    expect(it.alive).toBe(false)
    expect(seen).toEqual([])
    const again = () => it.atTurnEnd(again)
    it.start(again)
    await scheduler.runUntil(1_000)
    expect(bugs.map(String)).toEqual(['Error: it: 1000 turns, and no end to them'])
  })
})

describe('processes', () => {
  test('a crash ends what the life had planned', async () => {
    const { scheduler, make } = world()
    const it = make('it')
    const seen: string[] = []
    it.start(() => it.timers.every(1, () => seen.push('tick')))
    scheduler.at(3_500, () => it.crash())
    await scheduler.runUntil(10_000)
    expect(seen).toHaveLength(3)
    it.start(() => seen.push('again'))
    expect(it.life).toBe(2)
  })

  test('a pause holds everything back while the clock runs on', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    w.scheduler.at(1_000, () => b.process.pause())
    w.scheduler.at(2_000, () => a.send('b', 'hello'))
    w.scheduler.at(50_000, () => b.process.resume())
    await w.scheduler.runUntil(49_999)
    expect(b.heard).toEqual([])
    await w.scheduler.runUntil(60_000)
    expect(b.heard).toEqual(['a:hello'])
    expect(b.process.nowMs()).toBe(60)
  })

  test('a slow one takes its time for each event', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    b.process.slowDown(10_000)
    for (let i = 0; i < 5; i++) a.send('b', i)
    await w.scheduler.runUntil(35_000)
    expect(b.heard.length).toBeGreaterThan(0)
    expect(b.heard.length).toBeLessThan(5)
    await w.scheduler.runUntil(80_000)
    expect(b.heard).toEqual(['a:0', 'a:1', 'a:2', 'a:3', 'a:4'])
  })

  test('a throw ends the process and is told', async () => {
    const { scheduler, make, bugs } = world()
    const it = make('it')
    it.start(() =>
      it.timers.after(1, () => {
        throw new Error('broken')
      }),
    )
    await scheduler.runUntil(2_000)
    expect(it.alive).toBe(false)
    expect(bugs).toEqual([new Error('broken')])
  })
})

describe('links', () => {
  test('carry everything in order', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    for (let i = 0; i < 100; i++) w.scheduler.at(i * 10, () => a.send('b', i))
    await w.scheduler.runUntil(10_000)
    expect(b.heard).toEqual(Array.from({ length: 100 }, (_, i) => `a:${i}`))
  })

  test('a cut that heals soon delays and loses nothing', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    a.send('b', 0)
    w.scheduler.at(1_000, () => w.network.cut('a', 'b'))
    for (let i = 1; i < 10; i++) w.scheduler.at(800 + i * 100, () => a.send('b', i))
    w.scheduler.at(4_000, () => w.network.heal('a', 'b'))
    await w.scheduler.runUntil(3_999)
    expect(b.heard.length).toBeLessThan(4)
    await w.scheduler.runUntil(10_000)
    expect(b.heard).toEqual(Array.from({ length: 10 }, (_, i) => `a:${i}`))
  })

  test('a cut that lasts breaks the link: both ends hear of it, what was sent is lost', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    a.send('b', 'before')
    w.scheduler.at(1_000, () => w.network.cut('a', 'b'))
    w.scheduler.at(2_000, () => a.send('b', 'lost'))
    w.scheduler.at(20_000, () => w.network.heal('a', 'b'))
    w.scheduler.at(21_000, () => a.send('b', 'after'))
    await w.scheduler.runUntil(30_000)
    expect(b.heard).toEqual(['a:before', 'a down: timed out', 'a:after'])
    expect(a.heard).toEqual(['b down: timed out'])
  })

  test('a crash is heard as a break; the next life hears nothing of what was sent to the last', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    a.send('b', 1)
    w.scheduler.at(1_000, () => {
      a.send('b', 2)
      b.process.crash()
      b.boot()
    })
    w.scheduler.at(3_000, () => a.send('b', 3))
    await w.scheduler.runUntil(10_000)
    expect(b.heard).toEqual(['a:1', 'a:3'])
    expect(a.heard).toEqual(['b down: reset'])
  })

  test('a crash behind a cut is heard once the cut heals', async () => {
    const w = world()
    const a = node(w, 'a')
    const b = node(w, 'b')
    a.send('b', 1)
    w.scheduler.at(1_000, () => w.network.cut('b', 'a'))
    w.scheduler.at(2_000, () => {
      b.process.crash()
      b.boot()
    })
    w.scheduler.at(3_000, () => w.network.heal('b', 'a'))
    w.scheduler.at(5_000, () => a.send('b', 2))
    await w.scheduler.runUntil(10_000)
    expect(a.heard).toEqual(['b down: reset'])
    expect(b.heard).toEqual(['a:1', 'a:2'])
  })

  test('an answer to one life of a client does not reach the next', async () => {
    const w = world()
    const client = w.make('client')
    const server = w.make('server')
    const heard: unknown[] = []
    const askers: string[] = []
    let transport: SimTransport | null = null
    server.start(() => {
      transport = new SimTransport({
        network: w.network,
        process: server,
        door: 'peer',
        listens: true,
        events: { onBody: (from) => askers.push(from), onDown: () => {} },
      })
    })
    const live = () =>
      client.start(() =>
        new SimTransport({
          network: w.network,
          process: client,
          door: 'peer',
          listens: false,
          events: { onBody: (_, body) => heard.push(body), onDown: () => {} },
        }).send('server', 'call 1'),
      )
    live()
    await w.scheduler.runUntil(5_000)
    client.crash()
    live()
    await w.scheduler.runUntil(10_000)
    const [first = '', second = ''] = askers
    expect(first).not.toBe(second)
    ;(transport as SimTransport | null)?.send(first, 'late', true)
    ;(transport as SimTransport | null)?.send(second, 'answer', true)
    await w.scheduler.runUntil(20_000)
    expect(heard).toEqual(['answer'])
  })

  test('who dials nobody is refused, who dials into a cut waits in vain', async () => {
    const w = world()
    const a = node(w, 'a')
    w.make('down')
    a.send('down', 1)
    w.network.cut('a', 'far')
    a.send('far', 1)
    await w.scheduler.runUntil(10_000)
    expect(a.heard).toEqual(['down down: refused', 'far down: no answer'])
  })
})

describe('logs', () => {
  test('a crash keeps all that was synced, and of the rest a beginning', async () => {
    const kept = new Set<number>()
    for (let seed = 0; seed < 50; seed++) {
      const scheduler = new Scheduler()
      const kernel: Kernel = { scheduler, trace: new Trace(), onBug: () => {} }
      const it = new SimProcess(kernel, 'it', new Rng(seed))
      const log = new SimLog<number>(new SimDisk(it))
      let durable = 0
      const open = () => log.open({ onDurable: (position) => (durable = position), onFailure: () => {} })
      it.start(() => {
        open()
        for (let i = 1; i <= 5; i++) log.append(i)
        log.sync()
      })
      await scheduler.runUntil(1_000_000)
      expect(durable).toBe(5)
      for (let i = 6; i <= 10; i++) log.append(i)
      log.sync()
      it.crash()
      let records: readonly number[] = []
      it.start(() => {
        records = open()
      })
      expect(records.slice(0, 5)).toEqual([1, 2, 3, 4, 5])
      expect([...records]).toEqual(Array.from({ length: records.length }, (_, i) => i + 1))
      kept.add(records.length)
    }
    expect([...kept].sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10])
  })
})

test('the same seed gives the same trace, another seed another', async () => {
  const run = async (seed: number) => {
    const scheduler = new Scheduler()
    const trace = new Trace()
    const kernel: Kernel = { scheduler, trace, onBug: () => {} }
    const rng = new Rng(seed)
    const network = new Network(scheduler, rng.fork('network'), MODEL)
    const nodes = ['a', 'b', 'c'].map((name) => {
      const process = new SimProcess(kernel, name, rng.fork(name))
      process.start(() => {
        const transport = new SimTransport({
          network,
          process,
          door: 'peer',
          listens: true,
          events: {
            onBody: (from, body) => {
              process.note('hears', () => `${from} ${body}`)
              if (Number(body) < 50) transport.send(process.rng.pick(['a', 'b', 'c']), Number(body) + 1)
            },
            onDown: () => {},
          },
        })
        transport.send('a', 0)
      })
      return process
    })
    expect(nodes).toHaveLength(3)
    await scheduler.runUntil(1_000_000)
    return trace.hash
  }
  const hashes = await Promise.all([1, 1, 2].map(run))
  expect(hashes[0]).toBe(hashes[1])
  expect(hashes[0]).not.toBe(hashes[2])
})
