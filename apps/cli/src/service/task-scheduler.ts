import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { MARK, type ServiceManager } from './manager.ts';
import type { ServicePlan } from './plan.ts';
import { runStep, runTool } from './run-tool.ts';
import { xmlText } from './xml.ts';

const RESTARTS_MAX = 10;

/** A task of this user on Windows (Task Scheduler schema 1.2). */
export const taskScheduler: ServiceManager = {
  label: 'the Task Scheduler',
  isTested: false,
  file: (plan) => join(dirname(plan.log), `${plan.name}-task.xml`),
  text: async (plan) => taskText(plan),
  inFile: xmlText,
  enable: (plan) => runStep('schtasks', ['/Create', '/TN', taskOf(plan), '/XML', taskScheduler.file(plan), '/F']),
  async restart(plan) {
    await runTool('schtasks', ['/End', '/TN', taskOf(plan)]);
    await runStep('schtasks', ['/Run', '/TN', taskOf(plan)]);
  },
  async disable(plan) {
    if (!(await runTool('schtasks', ['/Query', '/TN', taskOf(plan)])).isDone) return;
    await runTool('schtasks', ['/End', '/TN', taskOf(plan)]);
    await runStep('schtasks', ['/Delete', '/TN', taskOf(plan), '/F']);
  },
  forget: () => Promise.resolve(),
  async state(plan) {
    const { isDone, stdout } = await runTool('schtasks', ['/Query', '/TN', taskOf(plan), '/FO', 'CSV', '/NH']);
    const text = stdout.trim().split(',').at(-1)?.replaceAll('"', '') || 'not registered';
    return { isRunning: text === 'Running', text, isEnabled: isDone };
  },
  startCommand: (plan) => `schtasks /Run /TN "${taskOf(plan)}"`,
  advice: () => 'It runs while you are logged in.',
};

function taskOf({ name }: ServicePlan): string {
  return `Shoal\\${name}`;
}

/** A task has no environment and no output of its own, so that the command prompt sets them. */
export function taskText(plan: ServicePlan): string {
  const variables = Object.entries(plan.environment).map(([name, value]) => `set "${name}=${value}" && `);
  const program = plan.command.map((argument) => `"${argument}"`).join(' ');
  const line = `/d /s /c "${variables.join('')}${program} >> "${plan.log}" 2>&1"`;
  return `<?xml version="1.0" encoding="UTF-8"?>
<!-- ${MARK} -->
<Task version="1.2" xmlns="http://schemas.microsoft.com/windows/2004/02/mit/task">
  <Triggers>
    <LogonTrigger><UserId>${xmlText(userInfo().username)}</UserId></LogonTrigger>
  </Triggers>
  <Principals>
    <Principal id="Author"><LogonType>InteractiveToken</LogonType><RunLevel>LeastPrivilege</RunLevel></Principal>
  </Principals>
  <Settings>
    <MultipleInstancesPolicy>IgnoreNew</MultipleInstancesPolicy>
    <DisallowStartIfOnBatteries>false</DisallowStartIfOnBatteries>
    <StopIfGoingOnBatteries>false</StopIfGoingOnBatteries>
    <ExecutionTimeLimit>PT0S</ExecutionTimeLimit>
    <RestartOnFailure><Interval>PT1M</Interval><Count>${RESTARTS_MAX}</Count></RestartOnFailure>
  </Settings>
  <Actions Context="Author">
    <Exec><Command>cmd.exe</Command><Arguments>${xmlText(line)}</Arguments></Exec>
  </Actions>
</Task>
`;
}
