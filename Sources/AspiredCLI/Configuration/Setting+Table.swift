extension Setting {
    /// Every setting, in the order of the help.
    static let all: [Setting] = [
        model, modelsConfig, modelFiles, renderModelsConfig, versions, root, stateDir, pollInterval, timeout, ready, settle,
        recheckInterval,
        verify, reuse, repair,
        onChanged,
        pruneDelay, pruneForeign, pruneFirst, maxVolume, keepFree, sync, fileMode, dirMode, s3Endpoint, s3Region, s3Addressing,
        s3Profile,
        s3Anonymous, s3RequestPayer, s3CAFile, s3InsecureSkipTLSVerify, concurrency, partSize, maxBandwidth, server,
        republishRefused, confirmTimeout, republishPause, onChangeExec, onChangeWebhook, hookTimeout, webhookSecretFile,
        httpListen, logFormat, logLevel,
    ]

    /// The settings whose flags `command` takes, in the order of the help.
    static func all(of command: CommandName) -> [Setting] {
        all.filter { $0.commands.contains(command) }
    }

    // `plan` takes all that `once` takes, so that one word turns a command line into its rehearsal; `verify` what its `--repair` may
    // need of it; `config` takes everything.
    private static let syncing: Set<CommandName> = [.run, .once, .plan, .verify, .config]
    private static let readingVolume: Set<CommandName> = [.run, .once, .plan, .status, .verify, .config]

    static let model = Setting(
        "model", .value("NAME=URI"), isRepeatable: true, of: syncing,
        "A model and where its versions come from: s3://bucket/prefix or file:///dir, whose children named by integers are the "
            + "versions; ?versions=, ?ready=, ?endpoint=, ?region=, ?server-name= override the global setting for it, "
            + "?required=false keeps it from holding up /readyz and once; the rest is percent-decoded; repeatable")
    static let modelsConfig = Setting(
        "models-config", .value("FILE"), of: syncing,
        "A list of models in the text format of TensorFlow Serving's --model_config_file, a path or s3://bucket/key; models whose "
            + "base_path is s3:// or file:// are synced, others left to the server; run takes every change of it at once")
    static let modelFiles = Setting(
        "model-files", .value("GLOB,…"), note: "none; * with --server triton", of: syncing,
        "Files beside a model's versions that are synced, too, such as config.pbtxt: names with * and ?, each replaced by one rename "
            + "after the versions are in")
    static let renderModelsConfig = Setting(
        "render-models-config", .value("FILE"), of: syncing,
        "Writes the list of models for TensorFlow Serving's --model_config_file, whole and by one rename: that of --models-config with "
            + "base paths on the volume, and the models of --model; never ahead of what is published")
    static let versions = Setting(
        "versions", .value("POLICY"), default: "latest", of: syncing,
        "Which versions are aspired: latest, latest:N, all, or numbers such as 3,7")
    static let root = Setting(
        "root", .value("DIR"), default: "/models", of: readingVolume,
        "The volume: the base path of a model is DIR/NAME")
    static let stateDir = Setting(
        "state-dir", .value("DIR"), note: "ROOT/.aspired", of: readingVolume,
        "Staging, trash and manifests; must be on the mount of every base path, and outside --root with --server triton")
    static let pollInterval = Setting(
        "poll-interval", .value("D"), default: "30s", of: syncing,
        "Time between looks at the source, 10 % more or less by chance")
    static let timeout = Setting(
        "timeout", .value("D"), of: [.once, .plan, .config],
        "once gives up after this")
    static let ready = Setting(
        "ready", .value("RULE"), default: "auto", of: syncing,
        "When a version in the source counts as complete: auto, manifest, marker:NAME, settled or none")
    static let settle = Setting(
        "settle", .value("D"), default: "10s", of: syncing,
        "For auto and settled: the newest object is at least this old, by the store's clock")
    static let recheckInterval = Setting(
        "recheck-interval", .value("D"), default: "10m", of: [.run, .config],
        "How often each published version is compared with its source, for --on-changed")
    static let verify = Setting(
        "verify", .value("MODE"), default: "best", of: syncing,
        "best: by the strongest checksum that the store offers; require: refuse an object that offers none; size: by size alone")
    static let reuse = Setting(
        "reuse", .value("MODE"), default: "auto", of: syncing,
        "How a file that a published version of the model has is had without fetching it: hardlink (if untouched, or found equal), "
            + "reflink, copy, off; auto: the first that works (no hard link with Triton)")
    static let repair = Setting(
        "repair", .switchedOn, default: "false", note: "off", of: [.verify, .config],
        "verify fetches damaged versions anew and puts them in their own place, out and in; where a run holds the volume, it asks that one "
            + "to. Needs what the run was told of S3 and of the models; of a model that is not named it takes the source that the volume has "
            + "noted")
    static let onChanged = Setting(
        "on-changed", .value("ACTION"), default: "keep", of: [.run, .config],
        "When the objects of a published version change: keep (and report it), or republish: fetch it anew, take it out until the "
            + "--server has let go of it, else for --republish-pause, and put it in again")
    static let pruneDelay = Setting(
        "prune-delay", .value("D"), default: "0s", of: syncing,
        "How long a version that is no longer aspired stays")
    static let pruneForeign = Setting(
        "prune-foreign", .switchedOn, default: "false", note: "off", of: syncing,
        "Prune versions that no manifest of ours covers, too")
    static let pruneFirst = Setting(
        "prune-first", .switchedOn, default: "false", note: "off", of: syncing,
        "Where a new version does not fit beside what it replaces: prune that once the new one is ready and its first object fetched; "
            + "nothing of the model is there until the new one is")
    static let maxVolume = Setting(
        "max-volume", .value("SIZE"), of: syncing,
        "The most that we keep on the volume, such as an emptyDir's sizeLimit")
    static let keepFree = Setting(
        "keep-free", .value("SIZE|N%"), default: "0", of: syncing,
        "What we leave free on the volume, in bytes or in percent of its size")
    static let sync = Setting(
        "sync", .value("WHEN"), default: "before", of: syncing,
        "When a version is synced to the disk: before it is visible, or after, so that a slow disk does not delay the server's start; "
            + "what a power loss then damages is found and fetched anew before the model is ready")
    static let fileMode = Setting(
        "file-mode", .value("OCTAL"), default: "0644", of: syncing, "Mode of the files that are published")
    static let dirMode = Setting(
        "dir-mode", .value("OCTAL"), default: "0755", of: syncing, "Mode of the directories that are published")
    static let s3Endpoint = Setting(
        "s3-endpoint", .value("URL"), note: "AWS", of: syncing,
        "The S3 service; else AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, S3_ENDPOINT (with S3_USE_HTTPS)")
    static let s3Region = Setting(
        "s3-region", .value("R"), note: "from the environment, profile or bucket", of: syncing,
        "The region that requests are signed for")
    static let s3Addressing = Setting(
        "s3-addressing", .value("A"), note: "auto", of: syncing,
        "Where the bucket stands in the URL: auto, path or virtual")
    static let s3Profile = Setting(
        "s3-profile", .value("P"), note: "AWS_PROFILE", of: syncing,
        "The profile of the AWS configuration files")
    static let s3Anonymous = Setting("s3-anonymous", .switchedOn, note: "off", of: syncing, "Send requests without credentials")
    static let s3RequestPayer = Setting(
        "s3-request-payer", .switchedOn, note: "off", of: syncing,
        "Agree to pay for requests to a requester-pays bucket")
    static let s3CAFile = Setting(
        "s3-ca-file", .value("FILE"), note: "AWS_CA_BUNDLE, S3_CA_FILE", of: syncing,
        "Certificates to trust for S3, in PEM form")
    static let s3InsecureSkipTLSVerify = Setting(
        "s3-insecure-skip-tls-verify", .switchedOn, note: "off, or by S3_VERIFY_SSL", of: syncing,
        "Take any certificate of the S3 service: whoever is on the way can read and change what is fetched")
    static let concurrency = Setting(
        "concurrency", .value("N"), default: "128", of: syncing,
        "Connections at most, 1 to 1024; how many are used adapts to what helps")
    static let partSize = Setting(
        "part-size", .value("S"), default: "auto", of: syncing,
        "Size of ranged requests: auto, or 64KiB and more")
    static let maxBandwidth = Setting(
        "max-bandwidth", .value("S"), note: "none", of: syncing,
        "Bytes a second from S3, over all models: 64KiB and more")
    static let server = Setting(
        "server", .value("KIND=URL"), of: [.run, .config],
        "The model server that confirms what is published, tensorflow-serving=http://127.0.0.1:8501 (its REST port) or "
            + "triton=http://127.0.0.1:8000 (told to load, too): an old version goes only when the new one is loaded, and one that "
            + "cannot be loaded is taken out")
    static let republishRefused = Setting(
        "republish-refused", .value("N"), default: "0", of: [.run, .config],
        "How often a version that the server refused is put in again")
    static let confirmTimeout = Setting(
        "confirm-timeout", .value("D"), default: "10m", of: [.run, .config],
        "A version that the server has not confirmed after this is reported; it stays, and nothing is pruned for it")
    static let republishPause = Setting(
        "republish-pause", .value("D"), default: "5s", of: syncing,
        "How long a version that is replaced by other content of the same number stays out")
    static let onChangeExec = Setting(
        "on-change-exec", .value("CMD"), of: syncing,
        "A program that is run, without a shell, after each change of a base path, with CHANGE_ACTION (publish, prune), "
            + "CHANGE_MODEL, CHANGE_VERSION and CHANGE_DIR in its environment; words are quoted as for a shell")
    static let onChangeWebhook = Setting(
        "on-change-webhook", .value("URL"), of: syncing,
        "Where each change of a base path is posted as JSON: action, model, version, dir")
    static let hookTimeout = Setting(
        "hook-timeout", .value("D"), default: "30s", of: syncing,
        "How long a program or a webhook, its retries included, may take for a change; nothing waits for them but the end of once"
    )
    static let webhookSecretFile = Setting(
        "webhook-secret-file", .value("F"), of: syncing,
        "A secret whose HMAC-SHA256 of the body is sent as X-Aspired-Signature: sha256=HEX; a newline at the file's end is not part "
            + "of it")
    static let httpListen = Setting(
        "http-listen", .value("ADDR"), default: ":9464", of: [.run, .config, .probe],
        "Where run serves /healthz, /readyz, /metrics and /status, and where probe asks: :PORT, HOST:PORT or off")
    static let logFormat = Setting(
        "log-format", .value("F"), note: "text on a terminal, else json", of: readingVolume,
        "Form of the log on standard error: text or json")
    static let logLevel = Setting(
        "log-level", .value("L"), default: "info", of: readingVolume,
        "The least that is logged: trace, debug, info, notice, warning, error or critical")
}
