"""The cost class of every method, by which calls are admitted (docs/limits.md)."""

from __future__ import annotations

from enum import Enum


class CostClass(Enum):
    """How much a call of a method costs the server; the value is its cost in tokens."""

    HEALTH = 0
    """Checks of health, which have places of their own."""

    READ = 1
    """Reads one resource, a page of a list, or values that are recorded or quickly computed."""

    WRITE = 3
    """Changes the book."""

    MODEL = 50
    """Runs a model: an estimate, a backtest, a forecast, a fit or an appraisal."""

    WHOLE_BOOK = 200
    """Reads or values the whole book."""


_CLASSES = {
    CostClass.HEALTH: "Check List Watch",
    CostClass.READ: """
        ServerReflectionInfo
        GetAsset BatchGetAssets ListAssets
        GetBreach ListBreaches WatchBreaches
        GetBusinessDate
        GetDebtor ListDebtors GetDisposal ListDisposals
        GetVerification ListVerifications ListClosings
        GetAssignment ListAssignments ListRegistrySearches ListContractTerms ListExclusions ListDebtorLimits
        GetEquipmentFit WatchEquipmentFit GetEquipmentModel ListEquipmentModels ListAppraisals
        GetPoolStatement ListInvoices GetInvoice ExplainInvoice
        GetFinding ListFindings
        ListHaircutEstimates GetHaircutEstimate
        ListRightEvents ListComingFees
        GetInvoiceFeed ListInvoiceFeeds ListInvoiceEntries ListRejectedEntries
        GetLoan ListLoans GetLoanHistory BatchGetLtvHistories GetPledge ListPledges CheckDraw
        GetOverride ListOverrides GetProposal ListProposals ListSavedViews
        GetBorrowingBase GetReserve ListReserves GetCertificate ListCertificates
        CheckPickup GetPickup ListPickups GetControlledValue
        GetPolicy ListPolicies GetAssetClass ListAssetClasses
        GetPriceSeries ListPriceSeries ListPrices
        GetServiceInfo
        GetRevaluation ListRevaluations WatchRevaluation
        GetCheckpoint ListAuditEntries
        GetStockFeed ListStockFeeds ListStockLots ListMovements ListRejectedMovements
        ValueAssets QuoteAsset GetValuation ListValuations
        GetWarehouse ListWarehouses ListCountedLots
    """,
    CostClass.WRITE: """
        CreateAsset BatchCreateAssets UpdateAsset CorrectAssetIdentity RetireAsset RecordRightEvent
        CreatePriceSeries IngestPrices IngestFxRates
        CreateLoan UpdateLoan CloseLoan UpdateBalances
        CreateDebtor UpdateDebtor MergeDebtors UndoDebtorMerge
        RecordAssignmentEvent RecordRegistrySearch RecordContractTerms ExcludeInvoices EndExclusion
        RecordDebtorLimit EndDebtorLimit
        PlanVerification RecordVerification RecordClosing CheckLedger
        PledgeAsset UpdatePledge ReleasePledge RequestPickup CancelPickup
        CreateReserve EndReserve
        CreateCertificate SubmitCertificate ApproveCertificate ReturnCertificate
        ProposeOverride RejectOverride ApproveOverride CreateProposal RejectProposal
        AcknowledgeBreach GrantGrace WaiveBreach NoteBreach DisputeBreach SettleDispute RecordCure EscalateBreach
        OpenDisposal RecordClaim RecordProceeds CloseDisposal
        PushStock RecordMovements ReportCount RecordInspection ResolveRejectedMovement UpdateStockFeed
        PushInvoices RecordInvoiceEntries ResolveRejectedEntry
        ResolveFinding CheckDoublePledge ConfirmDoublePledge
        RecordAppraisal CreatePolicy
        SaveView DeleteSavedView
    """,
    CostClass.MODEL: """
        FitEquipmentModel AppraiseEquipment QuoteEquipment ReconcileAppraisals BacktestAppraisers
        EstimateHaircut BacktestHaircut ForecastPrice
        ValueRight QuoteRight QuotePool QuoteReceivablePool GetDebtorExposure
    """,
    CostClass.WHOLE_BOOK: """
        GenerateLtvReport StreamLtvReport GenerateBreachReport GetLoanFacets GenerateConcentrationReport
        GetBookHistory
        GenerateDifferenceReport GetRealisationTest
        GetInclusionProof GetConsistencyProof
        Revalue StartRevaluation PreviewRevaluation ActivatePolicy ActivateEquipmentModel AdvanceBusinessDate
        ApproveProposal
    """,
}

COST_CLASSES = {method: one for one, methods in _CLASSES.items() for method in methods.split()}
"""The cost class of each method by the method's name, those of health and reflection included."""

LARGE_METHODS = frozenset(
    [
        "BatchCreateAssets",
        "BatchGetAssets",
        "ValueAssets",
        "Revalue",
        "QuotePool",
        "QuoteReceivablePool",
        "IngestPrices",
        "IngestFxRates",
        "UpdateBalances",
        "PushStock",
        "RecordMovements",
        "PushInvoices",
        "RecordInvoiceEntries",
        "ReportCount",
        "RecordInspection",
        "FitEquipmentModel",
        "AppraiseEquipment",
        "QuoteEquipment",
        "BacktestAppraisers",
        "EstimateHaircut",
        "BacktestHaircut",
        "ForecastPrice",
        "CreatePolicy",
    ]
)
"""Methods whose requests hold lists, series or files, and may be as large as the server accepts."""

OPEN_ENDED = frozenset({"PushStock", "PushInvoices", "WatchBreaches", "WatchRevaluation", "WatchEquipmentFit", "Watch"})
"""Streams that last as long as the caller wants."""

HEALTH_LIMIT_BYTES = 1024
"""Largest request of a health check, which names one service."""

SMALL_LIMIT_BYTES = 256 * 1024
"""Largest request of a method that is not in LARGE_METHODS."""
