#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { usageErrorOf } from './arguments.ts'
import { commandsFor } from './commands.ts'
import { complain } from './complain.ts'
import { dropForeignVariables } from './environment.ts'
import { natsOptions, refuseNatsWithoutBroker } from './nats-options.ts'
import { refuseNumbers } from './numbers.ts'
import { endOnBrokenPipe } from './output.ts'
import { packageVersion } from './package-version.ts'
import { refuseRepeats } from './repeats.ts'
import { shield, unshield } from './shield.ts'

endOnBrokenPipe()

await yargs(shield(hideBin(process.argv)))
  .scriptName('catenary')
  .usage('$0 <command>\n\nA key-value store replicated along a chain: linearizable reads from every replica.')
  .command(await commandsFor(process.argv[2] ?? ''))
  .locale('en')
  .updateStrings({
    'Not enough non-option arguments: got %s, need at least %s': {
      one: 'Something is missing: %s given, at least %s needed',
      other: 'Something is missing: %s given, at least %s needed',
    } as never,
  })
  .version(packageVersion())
  .env('CATENARY')
  .middleware([unshield, dropForeignVariables, natsOptions] as never, true)
  .config('config', 'A JSON file with any of the options; flags and environment (CATENARY_...) come first')
  .check(refuseRepeats as never, true)
  .check(refuseNumbers as never, true)
  .check(refuseNatsWithoutBroker as never, true)
  .completion('completion', 'Print a completion script for bash or zsh')
  .demandCommand(1, 'Which command? Begin with `catenary demo`, or see --help.')
  .recommendCommands()
  .strict()
  .alias('h', 'help')
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .fail((message, error, usage) => {
    const written = usageErrorOf(error)
    return complain(written ?? message, written === null ? error : undefined, usage)
  })
  .parseAsync()
