/** Prints the papers' figures as tables, ours beside theirs. Usage: node dist/lab/paper/main.js [--quick] [--only craq-6,cr-4] [--json] */
import { parseArgs } from 'node:util'
import { figureText } from './figure-text.ts'
import { paperFigures } from './figures.ts'

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})

const began = process.cpuUsage()
const cpuSeconds = () => {
  const { user, system } = process.cpuUsage(began)
  return (user + system) / 1e6
}

let before = 0
for (const figure of paperFigures({
  quick: values.quick,
  ...(values.only === undefined ? {} : { only: values.only.split(',') }),
})) {
  console.log(values.json ? JSON.stringify(figure) : figureText(figure))
  console.error(`${figure.id}: ${(cpuSeconds() - before).toFixed(1)} s of CPU`)
  before = cpuSeconds()
}
