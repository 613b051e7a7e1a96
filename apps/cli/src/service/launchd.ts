import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { MARK, type ServiceManager } from './manager.ts';
import { STOP_TIMEOUT_S, type ServicePlan } from './plan.ts';
import { runStep, runTool } from './run-tool.ts';
import { xmlText } from './xml.ts';

/** 077 as a decimal number, because a property list has no others. */
const UMASK = 63;
const RESTART_DELAY_S = 5;

/** A launch agent of this user on macOS (launchd.plist(5)). */
export const launchd: ServiceManager = {
  label: 'launchd',
  isTested: false,
  file: (plan) => join(homedir(), 'Library/LaunchAgents', `${labelOf(plan)}.plist`),
  text: async (plan) => plistText(plan),
  inFile: xmlText,
  async enable(plan) {
    // An agent that is loaded keeps its old file.
    await runTool('launchctl', ['bootout', targetOf(plan)]);
    await runStep('launchctl', ['bootstrap', domain(), launchd.file(plan)]);
  },
  restart: (plan) => runStep('launchctl', ['kickstart', '-k', targetOf(plan)]),
  async disable(plan) {
    const { isDone } = await runTool('launchctl', ['print', targetOf(plan)]);
    if (isDone) await runStep('launchctl', ['bootout', targetOf(plan)]);
  },
  forget: () => Promise.resolve(),
  async state(plan) {
    const { isDone, stdout } = await runTool('launchctl', ['print', targetOf(plan)]);
    const pid = Number(/^\s*pid = (\d+)/m.exec(stdout)?.[1] ?? 0);
    const text = /^\s*state = (.+)$/m.exec(stdout)?.[1] ?? 'not loaded';
    return { isRunning: pid > 0, text, isEnabled: isDone, ...(pid > 0 && { pid }) };
  },
  startCommand: (plan) => `launchctl kickstart ${targetOf(plan)}`,
  advice: () => 'It runs while you are logged in.',
};

function labelOf({ name }: ServicePlan): string {
  return `org.shoal.${name}`;
}

function domain(): string {
  return `gui/${userInfo().uid}`;
}

function targetOf(plan: ServicePlan): string {
  return `${domain()}/${labelOf(plan)}`;
}

export function plistText(plan: ServicePlan): string {
  const { command, environment, log } = plan;
  const text = (value: string): string => `<string>${xmlText(value)}</string>`;
  const variables = Object.entries(environment).map(([name, value]) => `    <key>${name}</key>${text(value)}`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<!-- ${MARK} -->
<plist version="1.0">
<dict>
  <key>Label</key>${text(labelOf(plan))}
  <key>ProgramArguments</key>
  <array>
${command.map((argument) => `    ${text(argument)}`).join('\n')}
  </array>
  <key>EnvironmentVariables</key>
  <dict>
${variables.join('\n')}
  </dict>
  <key>RunAtLoad</key><true/>
  <key>KeepAlive</key><dict><key>SuccessfulExit</key><false/></dict>
  <key>ThrottleInterval</key><integer>${RESTART_DELAY_S}</integer>
  <key>ExitTimeOut</key><integer>${STOP_TIMEOUT_S}</integer>
  <key>Umask</key><integer>${UMASK}</integer>
  <key>StandardOutPath</key>${text(log)}
  <key>StandardErrorPath</key>${text(log)}
</dict>
</plist>
`;
}
