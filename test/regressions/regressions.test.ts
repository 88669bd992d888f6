/**
 * Seeds that once failed. Any later change may give a seed another course, so each bug has besides a test of its own at the level where it was; what these runs add is that
 * the neighbourhood in which something was found is visited again.
 */
import { describe, expect, test } from 'vitest'
import { type SimulationOptions, simulate } from '../../lab/simulator/simulate.ts'

interface Regression {
  readonly run: SimulationOptions
  readonly found: string
  /** Where it was, and the test that fails without the cure. */
  readonly cured: string
}

const REGRESSIONS: readonly Regression[] = [
  {
    run: { seed: 101_731 },
    found:
      'a late renewal of a life that was over had the next life dropped from its chain under a live lease',
    cured: 'runtime/server/membership.ts; test/simulator/control/late-renewal.test.ts',
  },
  {
    run: { seed: 4 },
    found: 'a read that was sent between a sync and a write saw that write: the write overtook the sync',
    cured: 'coordinator/znodes/request-queue.ts; test/coordinator/znodes/request-queue.test.ts',
  },
  {
    run: { seed: 1082 },
    found: 'a write that close had overtaken was called definitely not done, and had happened',
    cured: 'client/coordinator/session.ts; test/client/coordinator/client.test.ts',
  },
  {
    run: { seed: 124, faults: ['crash', 'pause', 'partition', 'one-way', 'link-break'] },
    found: 'a manager back from an outage created a chain with members whose lives were over',
    cured: 'runtime/manager/manager-loop.ts; test/simulator/control/manager-behind.test.ts',
  },
  {
    run: { seed: 10_468 },
    found: 'on a slow network no member had time enough to let a session in; 10587 as well',
    cured: 'client/coordinator/session.ts; test/simulator/control/slow-network.test.ts',
  },
  {
    run: { seed: 64 },
    found: 'what said that the last serving member had been one left the log before its store had it',
    cured: 'runtime/server/chain-log.ts; test/runtime/server/chain-log.test.ts',
  },
  {
    run: { seed: 402_827 },
    found: 'the harness delivered what a cut had caught behind what was sent later',
    cured: 'lab/simulator/kernel/network.ts; test/simulator/network-order.test.ts',
  },
  {
    run: { seed: 401_160 },
    found: 'the harness took the refusal of a close for the end of the session',
    cured: 'lab/simulator/znode-client/znode-session.ts',
  },
  {
    run: { seed: 405_566 },
    found: 'the harness kept a link slow for a minute after it was healed',
    cured: 'lab/simulator/kernel/network.ts',
  },
  {
    run: { seed: 201_301 },
    found:
      'the harness gave the next life of a client an answer to its last one: their calls have the same numbers',
    cured: 'lab/simulator/kernel/transport.ts; test/simulator/kernel.test.ts',
  },
  {
    run: { seed: 106 },
    found: 'the harness took a log given up for a snapshot as a source of the history',
    cured: 'lab/simulator/observer/chain-observer.ts',
  },
  {
    run: { seed: 105 },
    found: 'the harness forbade a life that was dropped already to hear late that it was handed off to',
    cured: 'lab/simulator/observer/chain-observer.ts',
  },
]

describe('what once failed', () => {
  for (const { run, found } of REGRESSIONS) {
    test(`seed ${run.seed}: ${found}`, async () => {
      const { failure } = await simulate(run)
      expect(failure).toBe(null)
    })
  }
})
