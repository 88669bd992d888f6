/** From a student's module to a grade. */
import { type CreateReplica, type Grade, LABS, type LabNumber, type StudentBackup } from './contract.ts'
import { gradeBackup } from './grade-backup.ts'
import { gradeChain } from './grade-chain.ts'

/** What was given cannot be graded: the message says what to change. */
export class NotGradable extends Error {}

/**
 * Grades what a file exports: `lab` (1 to 4), and `createReplica`, or in lab 4 `onAppendEntries` and `nextIndexAfter`.
 *
 * @throws {NotGradable} an export is missing.
 */
export function gradeModule(student: Readonly<Record<string, unknown>>): Grade {
  const lab = labOf(student['lab'])
  if (lab !== 4) return gradeChain(functionOf(student, 'createReplica') as CreateReplica, lab)
  return gradeBackup({
    onAppendEntries: functionOf(student, 'onAppendEntries') as StudentBackup['onAppendEntries'],
    nextIndexAfter: functionOf(student, 'nextIndexAfter') as StudentBackup['nextIndexAfter'],
  })
}

function labOf(lab: unknown): LabNumber {
  if (lab === 1 || lab === 2 || lab === 3 || lab === 4) return lab
  throw new NotGradable('the file must say which lab it is: export const lab = 1, 2, 3 or 4')
}

function functionOf(student: Readonly<Record<string, unknown>>, name: string): unknown {
  if (typeof student[name] === 'function') return student[name]
  throw new NotGradable(`the file must export a function ${name}; docs/labs/skeletons has one to begin with`)
}

export function gradeText(grade: Grade): string {
  const title = `lab ${grade.lab}, ${LABS[grade.lab - 1]}`
  if (grade.passed) return `PASSED  ${title}: ${grade.runs} runs, every property held`
  const { property, detail, steps, runs } = grade
  return [
    `FAILED  ${title}, after ${runs} runs`,
    `  property: ${property}`,
    `  ${detail}`,
    '',
    'The shortest run that was found:',
    ...steps.map((step, i) => `${String(i + 1).padStart(4)}  ${step}`),
  ].join('\n')
}
