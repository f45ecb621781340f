'use strict';
// Loading an app. Files named by package.json's main register functions (v4); when they register
// none, each folder with a function.json is one (v3).

const fs = require('fs');
const path = require('path');
const { describeError } = require('./wire.cjs');
const { SystemError } = require('./core.cjs');
const { loadModule, matchFiles, readJson } = require('./files.cjs');
const { FunctionJsonModel } = require('./function-json-model.cjs');

/** Loads the app in `directory`; answers what it registered and what failed to load. */
async function loadApp(registry, directory) {
  const errors = [];
  const attempt = async (file, load) => {
    try {
      await load();
    } catch (error) {
      errors.push({ file, ...describeError(error) });
    }
  };

  let packageJson = {};
  await attempt('package.json', () => {
    packageJson = readJson(path.join(directory, 'package.json')) ?? {};
  });
  const mainFiles = packageJson.main ? matchFiles(packageJson.main, directory) : [];
  for (const file of mainFiles) {
    await attempt(file, async () => {
      registry.loadingFile = path.join(directory, file);
      await loadModule(registry.loadingFile, packageJson);
    });
  }
  registry.loadingFile = undefined;

  if (registry.functions.size === 0 && errors.length === 0) {
    for (const folder of functionFolders(directory)) {
      const register = () => registerFolder(registry, path.join(directory, folder), packageJson);
      await attempt(`${folder}/function.json`, register);
    }
  }
  if (errors.length === 0) {
    await attempt('appStart hook', () => registry.runAppHooks('appStart', directory));
  }
  registry.locked = true;
  await registry.model?.getCapabilities?.({});
  return {
    model: registry.model ? `${registry.model.name} ${registry.model.version}` : 'function.json',
    main: packageJson.main ?? null,
    mainFiles,
    errors,
    functions: [...registry.functions.values()].map(({ metadata }) => ({
      name: metadata.name,
      functionId: metadata.functionId,
      file: metadata.scriptFile ?? null,
      rawBindings: metadata.rawBindings,
      retryOptions: metadata.retryOptions ?? null,
      disabled: metadata.disabled === true,
    })),
  };
}

function functionFolders(directory) {
  const isFunction = (name) => fs.existsSync(path.join(directory, name, 'function.json'));
  return fs.readdirSync(directory).filter(isFunction).sort();
}

async function registerFolder(registry, folder, packageJson) {
  const name = path.basename(folder);
  const config = readJson(path.join(folder, 'function.json'));
  if (!Array.isArray(config.bindings)) throw new SystemError('"bindings" must be an array');
  const scriptFile = findScript(folder, config.scriptFile);
  const loaded = await loadModule(scriptFile, packageJson);
  registry.functions.set(name, {
    metadata: {
      name,
      functionId: name,
      scriptFile,
      directory: folder,
      bindings: Object.fromEntries(config.bindings.map((binding) => [binding.name, binding])),
      rawBindings: config.bindings.map((binding) => JSON.stringify(binding)),
      retryOptions: config.retry,
      disabled: config.disabled,
    },
    callback: findHandler(loaded, config.entryPoint),
    model: () => FunctionJsonModel,
  });
}

/** `scriptFile`, else the only script in the folder, else run.* or index.*. */
function findScript(folder, scriptFile) {
  if (scriptFile) {
    const file = path.resolve(folder, scriptFile);
    if (!fs.existsSync(file)) throw new SystemError(`scriptFile ${file} does not exist`);
    return file;
  }
  const scripts = fs.readdirSync(folder).filter((name) => /\.[cm]?[jt]s$/.test(name));
  const usual = scripts.find((name) => /^(run|index)\.[cm]?[jt]s$/i.test(name));
  const script = scripts.length === 1 ? scripts[0] : usual;
  if (!script) {
    throw new SystemError(`no script in ${folder}: name it index.js, or set "scriptFile"`);
  }
  return path.join(folder, script);
}

/** The exported function: the export itself, else `entryPoint`, the only key, `run` or `index`. */
function findHandler(loaded, entryPoint) {
  const isNamespace = loaded?.[Symbol.toStringTag] === 'Module';
  const exported = isNamespace && loaded.default !== undefined ? loaded.default : loaded;
  if (typeof exported === 'function' && !entryPoint) return exported;
  const keys = Object.keys(exported ?? {});
  const name = entryPoint ?? (keys.length === 1 ? keys[0] : undefined);
  const handler = name ? exported?.[name] : exported?.run ?? exported?.index;
  if (typeof handler !== 'function') {
    throw new SystemError(
      'no handler found: export one function, or name it in "entryPoint" of function.json',
    );
  }
  return handler.bind(exported);
}

module.exports = { loadApp };
