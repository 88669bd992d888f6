// Prints the closing line of a test run, `N passed, N failed`, from vitest's own report, and exits with the run's status.
// Usage: node scripts/test-summary.mjs --report <file> --status <exit status of the run>

import { existsSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

const { values } = parseArgs({ options: { report: { type: 'string' }, status: { type: 'string' } } })
const status = Number(values.status)
if (values.report === undefined || !Number.isInteger(status)) {
  console.error('usage: node scripts/test-summary.mjs --report <file> --status <number>')
  process.exit(2)
}

const { passed, failed, skipped, notes } = count(readReport(values.report))
for (const note of notes) console.log(note)
if (skipped > 0) console.log(`${skipped} skipped`)
console.log(`${passed} passed, ${failed} failed`)
process.exitCode = status !== 0 ? status : failed > 0 ? 1 : 0

function readReport(path) {
  if (!existsSync(path)) return null
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return null // vitest was stopped while it wrote
  }
}

/** A run that did not end well counts at least one failure, whatever became of its report. */
function count(report) {
  if (report === null) {
    return {
      passed: 0,
      failed: 1,
      skipped: 0,
      notes: [`the tests did not run to their end (exit status ${status})`],
    }
  }
  const notes = []
  let failed = report.numFailedTests
  for (const file of report.testResults) {
    const broken = file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed')
    if (!broken) continue
    failed++
    notes.push(`${file.name}: failed outside of its tests`)
  }
  if (failed === 0 && (status !== 0 || !report.success)) {
    failed = 1
    notes.push(`every test passed, but the run failed (exit status ${status}): see above`)
  }
  return {
    passed: report.numPassedTests,
    failed,
    skipped: report.numPendingTests + report.numTodoTests,
    notes,
  }
}
