using Deat.Benchmarks;
using NUnit.Framework;

namespace Deat.Tests;

public sealed class PassportTests
{
    // A loop over a loop of loads, one of multiply-adds with a load, a part of it that lies behind the exit, and padding.
    private const string Code = """
                .headerflags    @"EF_CUDA_SM90"
        /*1000*/                   MOV R1, c[0x0][0x28] ;
        /*1010*/                   LDG.E.128 R4, [R2.64] ;
        /*1020*/                   LDG.E R8, [R2.64+0x10] ;
        /*1030*/               @P0 BRA 0x1010 ;
        /*1040*/                   LDS.64 R10, [R9] ;
        /*1050*/                   FFMA R4, R5, R6, R4 ;
        /*1060*/                   FFMA.FTZ R4, R5, R6, R4 ;
        /*1070*/                   HFMA2.MMA R7, -RZ, RZ, 0, 5.9604644775390625e-08 ;
        /*1080*/              @!P1 BRA 0x10d0 ;
        /*1090*/                   IADD3 R3, R3, 0x1, RZ ;
        /*10a0*/                   ISETP.NE.AND P1, PT, R3, RZ, PT ;
        /*10b0*/               @P1 BRA 0x1000 ;
        /*10c0*/                   EXIT ;
        /*10d0*/                   IMAD.MOV.U32 R1, RZ, RZ, R2 ;
        /*10e0*/              @!P2 BRA 0x1040 ;
        /*10f0*/                   BRA 0x1090 ;
        /*1100*/                   BRA 0x1100 ;
        /*1110*/                   NOP ;
        """;

    private static readonly Dictionary<string, int> InnerLoop = new()
    {
        ["instructions"] = 7,
        ["FFMA"] = 2,
        ["LDS.64"] = 1,
        ["move"] = 2,
        ["control"] = 2,
    };

    [Test]
    public void TheHottestLoopIsAnInnermostOneWithItsPartsElsewhere()
    {
        MachineCode code = new(Code);
        Assert.That(code.Count, Is.EqualTo(16));
        Assert.That(code.HottestLoop(), Is.EquivalentTo(InnerLoop));
    }

    [Test]
    public void AJumpBackFromBehindTheExitIsNoLoop() => Assert.That(
        new MachineCode(
            """
            /*0000*/               @P0 BRA 0x0030 ;
            /*0010*/                   FFMA R4, R5, R6, R4 ;
            /*0020*/                   EXIT ;
            /*0030*/                   MOV R5, R6 ;
            /*0040*/                   BRA 0x0010 ;
            /*0050*/                   BRA 0x0050 ;
            """).HottestLoop(),
        Is.Null);

    [TestCase("HMMA.1688.F32.TF32", "HMMA")]
    [TestCase("LDGSTS.E.BYPASS.128", "LDGSTS.128")]
    [TestCase("LDG.E.U8.CONSTANT", "LDG.8")]
    [TestCase("STS.128", "STS.128")]
    [TestCase("LDSM.16.M88.4", "LDSM")]
    [TestCase("IMAD.WIDE", "integer")]
    [TestCase("FSETP.GT.AND", "float")]
    [TestCase("DADD", "float")]
    [TestCase("BAR.SYNC.DEFER_BLOCKING", "control")]
    public void InstructionsAreCountedByKind(string opcode, string kind) =>
        Assert.That(new Instruction(0, opcode, " R0, R1, R2", false, null).Kind, Is.EqualTo(kind));

    // The first two: CUDA C++ Best Practices Guide, "Occupancy", for a multiprocessor with the same registers.
    [TestCase("sm_80", 128, 37, 0, 48, "registers")]
    [TestCase("sm_80", 320, 37, 0, 40, "registers")]
    [TestCase("sm_80", 128, 32, 0, 64, "warps")]
    [TestCase("sm_80", 128, 255, 0, 8, "registers")]
    [TestCase("sm_80", 1, 16, 0, 32, "blocks")]
    [TestCase("sm_80", 128, 32, 48 * 1024, 12, "shared")]
    [TestCase("sm_90", 128, 32, 48 * 1024, 16, "shared")]
    [TestCase("sm_90", 1024, 65, 0, 0, "registers")]
    public void OccupancyIsWhatRunsOutFirst(
        string architecture, int group, int registers, int shared, int warps, string limit) => Assert.That(
        Sm.All.Single(sm => sm.Architecture == architecture).Of(group, registers, shared), Is.EqualTo(new Occupancy(warps, limit)));

    [Test]
    public void DifferencesNameTheNumbersThatChanged()
    {
        KernelPassport before = Passport(Kernel("A.Same", 20), Kernel("A.Changed", 20), Kernel("A.Gone", 20));
        KernelPassport after = Passport(Kernel("A.New", 20), Kernel("A.Same", 20), Kernel("A.Changed", 24, ffma: 3));
        Assert.That(before.DifferencesTo(before), Is.Empty);
        Assert.That(
            before.DifferencesTo(after),
            Is.EqualTo(new[] { "A.New: new", "A.Gone: gone", "A.Changed on sm_90: registers 20 -> 24, loop FFMA 2 -> 3" }));
        Assert.That(KernelPassport.Parse(before.ToJson()).DifferencesTo(before), Is.Empty);
    }

    private static KernelPassport Passport(params KernelEntry[] kernels) => new() { Ptxas = "1.2.3", Kernels = kernels };

    private static KernelEntry Kernel(string name, int registers, int ffma = 2) => new()
    {
        Kernel = name,
        Group = 128,
        Code = new Dictionary<string, MachineCodeFacts>
        {
            ["sm_90"] = new()
            {
                Registers = registers,
                SpillStores = 0,
                SpillLoads = 0,
                Stack = 0,
                Shared = 0,
                Warps = 64,
                Limit = "warps",
                Instructions = 16,
                Loop = new Dictionary<string, int>(InnerLoop) { ["FFMA"] = ffma },
            },
        },
    };
}
