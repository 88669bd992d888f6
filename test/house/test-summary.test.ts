import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type Outcome, runScript, tree } from './tree.ts'

const GREEN = {
  numPassedTests: 5,
  numFailedTests: 0,
  numPendingTests: 0,
  numTodoTests: 0,
  success: true,
  testResults: [],
}

function summary(report: object | string | null, status: number): Outcome {
  const text = typeof report === 'string' ? report : JSON.stringify(report)
  const root = tree(report === null ? {} : { 'report.json': text })
  return runScript('test-summary.mjs', '--report', join(root, 'report.json'), '--status', String(status))
}

test('a good run', () => {
  expect(summary(GREEN, 0)).toEqual({ status: 0, lines: ['5 passed, 0 failed'] })
})

test('skipped tests are shown, and not as passed', () => {
  expect(summary({ ...GREEN, numPendingTests: 1, numTodoTests: 1 }, 0).lines).toEqual([
    '2 skipped',
    '5 passed, 0 failed',
  ])
})

test('failed tests keep the status of the run', () => {
  const report = { ...GREEN, numFailedTests: 2, success: false }
  expect(summary(report, 7)).toEqual({ status: 7, lines: ['5 passed, 2 failed'] })
  expect(summary(report, 0).status).toBe(1)
})

test('a file that does not load counts as a failure', () => {
  const broken = { name: 'a.test.ts', status: 'failed', assertionResults: [] }
  const { status, lines } = summary({ ...GREEN, success: false, testResults: [broken] }, 1)
  expect(status).toBe(1)
  expect(lines).toEqual(['a.test.ts: failed outside of its tests', '5 passed, 1 failed'])
})

test('a failure outside of all tests is not hidden', () => {
  expect(summary(GREEN, 124)).toEqual({
    status: 124,
    lines: ['every test passed, but the run failed (exit status 124): see above', '5 passed, 1 failed'],
  })
  expect(summary({ ...GREEN, success: false }, 0).status).toBe(1)
})

test.each([null, '{"numPas'])('a run without a whole report failed: %s', (report) => {
  expect(summary(report, 2)).toEqual({
    status: 2,
    lines: ['the tests did not run to their end (exit status 2)', '0 passed, 1 failed'],
  })
  expect(summary(report, 0).status).toBe(1)
})
