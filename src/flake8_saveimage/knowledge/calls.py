"""What functions of Python and of other libraries do to a value, one table each.

Names are qualified where an import gives that, and bare where code imports them with a star. Those
of methods are bare.
"""

from __future__ import annotations


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# -- flow and state ----------------------------------------------------------------------------

# Never return.
EXITS = _names("exit quit sys.exit os._exit os.abort")
# Methods that change their receiver: after one, `len(names)` or `names[-1]` is a new value.
MUTATORS = _names(
    "append extend insert pop popitem popleft appendleft remove clear update setdefault add discard"
    " put get_nowait step increment sort reverse"
)
# Methods that set up their object: what they assign does not change later.
CONSTRUCTORS = _names(
    "__init__ __new__ __post_init__ __attrs_post_init__ __setstate__ setup setUp initialize init"
    " reset_parameters build prepare configure setup_method setUpClass"
)

# Methods that add to a collection, and functions whose result holds all its elements.
ADDING = ("append", "extend", "insert")
COLLECTING = _names(
    "Tensor FloatTensor LongTensor tensor as_tensor stack cat concat array asarray concatenate"
    " vstack hstack from_numpy list tuple dict"
)
# What makes a collection that is usually filled later.
COLLECTIONS = _names("list dict set defaultdict OrderedDict Counter deque DataFrame")

# -- the same answer for the same arguments ----------------------------------------------------

PURE_FUNCTIONS = _names(
    "str int float type repr format abs len min max sum sorted list tuple set dict reversed bool"
    " hex oct bin ord chr frozenset ascii bytes divmod pow enumerate zip range slice"
    " os.getpid os.uname tempfile.gettempdir socket.gethostname platform.node getpass.getuser"
    " os.fspath os.fsdecode os.getcwd os.getenv os.environ.get os.path.basename"
    " os.path.dirname os.path.split os.path.splitext os.path.abspath os.path.normpath"
    " os.path.expanduser os.path.expandvars os.path.realpath os.path.relpath os.path.normcase"
    " os.path.commonpath pathlib.Path.cwd pathlib.Path.home Path.cwd Path.home copy.copy"
    " copy.deepcopy hydra.utils.to_absolute_path hydra.utils.get_original_cwd"
    " tqdm.tqdm tqdm.trange tqdm.auto.tqdm tqdm.auto.trange tqdm.notebook.tqdm tqdm trange"
    " rich.progress.track track itertools.islice itertools.product itertools.chain"
    " itertools.combinations itertools.permutations itertools.zip_longest itertools.repeat"
    " numpy.arange numpy.linspace np.arange np.linspace torch.arange torch.linspace"
    " torch.utils.data.DataLoader DataLoader fastprogress.progress_bar progress_bar"
    " fastprogress.master_bar master_bar natsort.natsorted natsorted torch.load"
)
PURE_METHODS = _names(
    "format format_map join zfill rjust ljust center replace strip lstrip rstrip lower upper title"
    " capitalize swapcase casefold split rsplit splitlines partition rpartition removeprefix"
    " removesuffix encode decode expandtabs translate with_name with_suffix with_stem joinpath"
    " resolve absolute expanduser as_posix as_uri relative_to item tolist numpy cpu detach long int"
    " float keys values items copy strftime isoformat hexdigest squeeze flatten view reshape"
    " to cuda state_dict"
)

# -- paths -------------------------------------------------------------------------------------

JOINS = _names("os.path.join posixpath.join ntpath.join path.join osp.join")
PATHS = _names(
    "pathlib.Path pathlib.PurePath pathlib.PosixPath pathlib.PurePosixPath pathlib.WindowsPath Path"
)
PATH_ATTRIBUTES = _names("name stem parent parents suffix suffixes parts anchor")
# Methods that spell the same path in another way.
SAME_PATH = _names("resolve absolute expanduser as_posix")
PATH_PARTS = _names("with_suffix with_name with_stem")
# Calls of which a changed argument always shows in the result.
SPELLING = _names("join str Path format joinpath")

# -- iteration ---------------------------------------------------------------------------------

LISTINGS = _names("os.listdir os.scandir os.walk glob.glob glob.iglob listdir glob")
LISTING_METHODS = _names("iterdir glob rglob")
ITEM_METHODS = _names("keys values items tolist copy split")
# Their elements are those of the first argument.
WRAPPERS = _names(
    "tqdm.tqdm tqdm.auto.tqdm tqdm.notebook.tqdm tqdm rich.progress.track track list tuple sorted"
    " reversed set itertools.islice fastprogress.progress_bar progress_bar fastprogress.master_bar"
    " master_bar natsort.natsorted natsorted iter"
)
RANGES = _names(
    "range trange xrange tqdm.trange tqdm.auto.trange tqdm.notebook.trange itertools.count"
    " numpy.arange np.arange torch.arange prange"
)
# What counts, by the last part of its name; and what yields an index or key with each element.
NUMBERING = _names("range trange prange arange count")
PAIRING = _names("enumerate items")
ZIPS = _names("zip itertools.zip_longest")
# Iterators that go on where they stopped.
ONE_SHOT = _names(
    "iter zip map filter enumerate reversed open itertools.cycle itertools.chain itertools.count"
    " itertools.islice itertools.product"
)

# -- results that may come again ---------------------------------------------------------------

ROUNDING = _names("round math.floor math.ceil math.trunc numpy.round numpy.floor")
# A clock, read to the second (or coarser): two saves in one second get one name.
COARSE_CLOCKS = _names("time.strftime time.ctime time.asctime datetime.date.today")
RANDOM = _names("random.randint random.choice random.randrange numpy.random.randint torch.randint")

# -- files -------------------------------------------------------------------------------------

# File objects without a path of their own, or with one that is temporary.
MEMORY = _names("BytesIO StringIO NamedTemporaryFile TemporaryFile SpooledTemporaryFile mkstemp")
OPENERS = _names("open GFile File")
TEMPORARY_PARAMETERS = _names("tmp_path tmpdir tmp_path_factory tmpdir_factory")
EXISTS = _names("exists isfile is_file lexists path_exists file_exists")
MOVES = _names("replace rename renames move link")
COPIES = _names("copy copyfile copy2 copytree")
DELETES = _names("remove unlink rmtree removedirs")
# What takes the path of a file that was written, in addition to the readers.
USES = _names(
    "decode_image getsize stat log_artifact log_image save add_file upload upload_file send_file"
    " imshow stem"
)
