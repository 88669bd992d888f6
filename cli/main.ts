#!/usr/bin/env node
import yargs from 'yargs'
import { hideBin } from 'yargs/helpers'
import { usageErrorOf } from './arguments.ts'
import { backupCommand } from './commands/backup.ts'
import { casCommand } from './commands/cas.ts'
import { chainCommand } from './commands/chain.ts'
import { checkCommand } from './commands/check.ts'
import { compareCommand } from './commands/compare.ts'
import { coordinatorCommand } from './commands/coordinator.ts'
import { deleteCommand } from './commands/delete.ts'
import { demoCommand } from './commands/demo.ts'
import { exploreCommand } from './commands/explore.ts'
import { exportCommand } from './commands/export.ts'
import { getCommand } from './commands/get.ts'
import { importCommand } from './commands/import.ts'
import { incrCommand } from './commands/incr.ts'
import { labCommand } from './commands/lab.ts'
import { managerCommand } from './commands/manager.ts'
import { natsGatewayCommand } from './commands/nats-gateway.ts'
import { putCommand } from './commands/put.ts'
import { restoreCommand } from './commands/restore.ts'
import { scanCommand } from './commands/scan.ts'
import { secretCommand } from './commands/secret.ts'
import { serverCommand } from './commands/server.ts'
import { simCommand } from './commands/sim.ts'
import { statusCommand } from './commands/status.ts'
import { tortureCommand } from './commands/torture.ts'
import { userCommand } from './commands/user.ts'
import { watchCommand } from './commands/watch.ts'
import { znodeCommand } from './commands/znode.ts'
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
  .command(demoCommand)
  .command(coordinatorCommand)
  .command(serverCommand)
  .command(managerCommand)
  .command(statusCommand)
  .command(getCommand)
  .command(putCommand)
  .command(deleteCommand)
  .command(incrCommand)
  .command(casCommand)
  .command(scanCommand)
  .command(watchCommand)
  .command(importCommand)
  .command(exportCommand)
  .command(backupCommand)
  .command(restoreCommand)
  .command(natsGatewayCommand)
  .command(chainCommand)
  .command(znodeCommand)
  .command(userCommand)
  .command(secretCommand)
  .command(labCommand)
  .command(simCommand)
  .command(exploreCommand)
  .command(tortureCommand)
  .command(compareCommand)
  .command(checkCommand)
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
